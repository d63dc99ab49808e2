"""Crops of a photo around what is salient in it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from common.errors import InputError
from common.images.photos import Bytes, fitting, resize_map
from edge_apps.maps.coding import PROBABILITIES
from edge_apps.maps.objects import SalientObject, find_objects

MARGIN = 0.08
"""Of a crop on each side, as a share of the longer side of what it is around."""

LIMIT = (512, 512)
"""Largest height and width in pixels of a map in which objects are looked for."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """The shape of a crop.

    Args:
        ratio: width by height; None takes that of what it is around.
    """

    ratio: float | None

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Read ``1:1``, ``16:9`` and the like, or ``box``.

        Raises:
            InputError: if it is none.
        """
        if text == "box":
            return cls(None)
        match = re.fullmatch(r"(\d{1,4}):(\d{1,4})", text)
        width, height = (int(match[1]), int(match[2])) if match else (0, 0)
        if not (width and height):
            raise InputError(f"crop is {text!r}, expected WIDTH:HEIGHT such as 1:1, or box")
        return cls(width / height)

    def around(
        self, objects: Sequence[SalientObject], size: tuple[int, int]
    ) -> tuple[int, int, int, int]:
        """Fit the crop around all of some objects, inside the photo.

        Where no crop of the shape inside the photo holds them, it is the largest one, around
        their middle.

        Args:
            objects: at least one.
            size: (height, width) of the photo.

        Returns:
            Left, top, right and bottom edge in pixels.
        """
        edges = list(zip(*(it.box for it in objects), strict=True))
        left, top, right, bottom = (*map(min, edges[:2]), *map(max, edges[2:]))
        margin = MARGIN * max(right - left, bottom - top)
        width, height = right - left + 2 * margin, bottom - top + 2 * margin
        if self.ratio is not None:
            width, height = max(width, height * self.ratio), max(height, width / self.ratio)
            shrink = min(1.0, size[1] / width, size[0] / height)
            width, height = width * shrink, height * shrink
            first_x, last_x = _placed((left + right) / 2, width, size[1])
            first_y, last_y = _placed((top + bottom) / 2, height, size[0])
            return first_x, first_y, last_x, last_y
        return (
            max(0, round(left - margin)),
            max(0, round(top - margin)),
            min(size[1], max(1, round(right + margin))),
            min(size[0], max(1, round(bottom + margin))),
        )


def objects_in(saliency_map: Bytes) -> list[SalientObject]:
    """Find all objects of a photo's map (H, W) uint8, in its pixels, the largest mass first."""
    size = saliency_map.shape[:2]
    reduced = resize_map(saliency_map, fitting(size, LIMIT))
    return find_objects(PROBABILITIES.logits(reduced), size)


def _placed(middle: float, length: float, limit: int) -> tuple[int, int]:
    """Place a stretch around a place, but inside of 0 to limit: its begin and end."""
    whole = min(limit, max(1, round(length)))
    first = min(limit - whole, max(0, round(middle - length / 2)))
    return first, first + whole
