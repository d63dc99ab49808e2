"""The camera program on a booted Raspberry Pi 3, with Debian's kernel and its virtual camera.

Needs Debian's qemu-system-arm, mmdebstrap, cpio and kmod, a network the first time, 700 MB in the
cache and about two minutes. What it shows: V4L2 cameras, and the programs on the board's own four
Cortex-A53 under a kernel of their own. What it cannot: Raspberry Pi OS, libcamera, speed.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import board
import numpy as np
import pytest
from PIL import Image

from common.map_difference import Agreement
from edge_apps.runtime import load
from edge_apps.shipped import default_model

pytestmark = pytest.mark.slow

FRAMES = 3


def test_a_camera_is_watched(
    tmp_path: Path, keep: Callable[[str, Path, dict[str, Any]], None]
) -> None:
    # A cut-out holds the frame that the camera gave and, as its opacity, the map.
    options = ("--show", "cutout", "--frames", str(FRAMES), "--output", board.RESULTS)
    # Refined maps are computed in floats, which processors round otherwise, and steadied ones
    # hold something of the frames before.
    options += ("--no-refine", "--no-steady")
    visit = board.run(board.build(), tmp_path, "edge_apps.raspberry_pi", "camera:0", *options)
    assert visit.lines[0].startswith("Raspberry Pi 3 Model B, Linux ")
    assert "vivid" in visit.lines[1]
    assert visit.lines[-1] == f"camera:0: cutout of {FRAMES} frames in {board.RESULTS}"
    assert len(visit.files) == FRAMES and min(visit.files) == "camera_000001_cutout.png"
    cutouts = [np.asarray(Image.open(io.BytesIO(it))) for it in visit.files.values()]
    assert {it.shape for it in cutouts} == {(480, 640, 4)}
    # The camera writes the time into its frames.
    assert len({it[..., :3].tobytes() for it in cutouts}) == FRAMES
    maps = [it[..., 3] for it in cutouts]
    for saliency_map in maps:
        # The square in the middle, and nothing at the edge.
        assert saliency_map[140:340, 240:400].mean() > 200 > 20 > saliency_map[400:].mean()
    model = default_model()
    segmenter = load(model, threads=1)
    expected = [segmenter(np.ascontiguousarray(it[..., :3]), refine=False) for it in cutouts]
    agreement = Agreement.of_all(maps, expected)
    seen = {"lines": visit.lines, "frames": FRAMES, "agreement": agreement}
    keep("board", model, seen)
    assert agreement.max <= 1
