"""Flicker: how much a map changes where the picture does not, once motion is undone.

After Lai et al., "Learning Blind Video Temporal Consistency" (2018): each map is compared with the
one before, moved by dense optical flow (OpenCV's DIS), but where the flow forth and the flow back
contradict each other, since what was hidden has no map before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.images.photos import Bytes, fitting, resize_map, resize_photo
from edge_apps.sources.video import opencv

LIMIT = (480, 480)
"""Largest height and width in pixels at which flow is computed and maps are compared."""

RELATIVE, ABSOLUTE = 0.01, 0.5
"""Flow is trusted where the squared difference of forth and back is below a share of their squared
lengths and so many squared pixels (Sundaram, Brox, Keutzer, 2010)."""

PROTOCOL = (
    "flicker: mean absolute difference, in percent of the range, of each map and the one before "
    "it moved by DIS optical flow (medium preset, frames of at most "
    f"{LIMIT[1]} px), where flow forth and back agree; mean of all frames but the first"
)


class FlickerMeter:
    """Measures several ways to map the same frames; the flow is computed once.

    Args:
        ways: how many.
    """

    def __init__(self, ways: int) -> None:
        cv2 = opencv()
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._before: Bytes | None = None
        self._maps: list[NDArray[np.float32]] = []
        self._sums = np.zeros(ways)
        self._count = 0

    def add(self, photo: Bytes, maps: list[Bytes]) -> None:
        """Add a frame (H, W, 3) uint8 and its map (H, W) uint8 of each way."""
        cv2 = opencv()
        size = fitting(photo.shape[:2], LIMIT)
        gray = cv2.cvtColor(resize_photo(photo, size), cv2.COLOR_RGB2GRAY)
        reduced = [resize_map(saliency_map, size).astype(np.float32) for saliency_map in maps]
        if self._before is not None:
            places, known = self._places(gray, self._before)
            for way, (now, before) in enumerate(zip(reduced, self._maps, strict=True)):
                moved = cv2.remap(before, *places, cv2.INTER_LINEAR)
                self._sums[way] += np.abs(now - moved)[known].mean() if known.any() else 0.0
            self._count += bool(known.any())
        self._before, self._maps = gray, reduced

    def flicker(self) -> list[float]:
        """Compute the flicker of each way, in percent of the range of a map."""
        return [float(it) for it in 100 / 255 * self._sums / max(1, self._count)]

    def _places(self, now: Any, before: Any) -> tuple[tuple[Any, Any], NDArray[np.bool_]]:
        """Find where each pixel was before, right and down, and whether that can be relied on."""
        cv2 = opencv()
        forth, back = self._flow.calc(now, before, None), self._flow.calc(before, now, None)
        height, width = now.shape
        down, right = np.mgrid[:height, :width].astype(np.float32)
        right += forth[..., 0]
        down += forth[..., 1]
        back = cv2.remap(back, right, down, cv2.INTER_LINEAR)
        lengths = (forth**2).sum(-1) + (back**2).sum(-1)
        known = ((forth + back) ** 2).sum(-1) < RELATIVE * lengths + ABSOLUTE
        known &= (right >= 0) & (right <= width - 1) & (down >= 0) & (down <= height - 1)
        return (right, down), known
