"""The way from camera to picture, stage by stage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.latency.stages import STAGES, Options, main
from common.errors import InputError

pytest.importorskip("cv2")


def test_every_stage_is_timed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "stages.json"
    main(Options(camera_size=("64x48", "96x64"), frames=3, json=target))
    result = json.loads(target.read_text())
    assert [row["size"] for row in result["sizes"]] == [[64, 48], [96, 64]]
    for row in result["sizes"]:
        assert list(row["ms"]) == list(STAGES)
        assert all(0 <= it["minimum"] <= it["median"] for it in row["ms"].values())
        assert row["ms"]["inference"]["median"] > 0
    assert "frames/s on one core" in capsys.readouterr().out
    with pytest.raises(InputError, match="already exists"):
        main(Options(json=target))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"frames": 0}, "--frames is 0"), ({"camera_size": ("8x48",)}, "has 8x48")],
)
def test_wrong_options_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        main(Options(**wrong))  # type: ignore[arg-type]
