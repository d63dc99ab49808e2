"""The memory curve: a short run, and what a leak would look like."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2")

from benchmarks.latency.long_run import SAMPLES, Curve, Options, main
from common.errors import InputError


def test_a_short_run_writes_curve_and_picture(tmp_path: Path) -> None:
    target, picture = tmp_path / "long.json", tmp_path / "long.png"
    options = Options(frames=SAMPLES, json=target, plot=picture, clip_size=(64, 48))
    main(options)
    result = json.loads(target.read_text())
    assert result["frames"] == list(range(1, SAMPLES + 1))
    # Without torch, which alone takes twice as much.
    assert all(20 < megabytes < 200 for megabytes in result["megabytes"])
    pixels = np.asarray(Image.open(picture).convert("RGB"))
    assert (pixels == (216, 30, 74)).all(axis=2).any()
    with pytest.raises(InputError, match="already exists"):
        main(options)


def test_growth_is_that_after_the_beginning() -> None:
    frames = tuple(range(500, 50_001, 500))
    start = tuple(max(0.0, 40 - n / 100) for n in frames)
    leak = Curve(frames, tuple(60 + 2e-4 * n for n in frames), 1.0)
    assert leak.growth == pytest.approx(2.0)
    flat = Curve(frames, tuple(60 + it for it in start), 1.0)
    assert abs(flat.growth) < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(frames=5), "--frames is 5"),
        (Options(frames=300, clip_size=(9999, 8)), "--clip-size is"),
        (Options(frames=300, model=Path("absent.tflite")), "ended with status"),
    ],
)
def test_wrong_options(options: Options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        main(options)
