"""Checks that a file takes a photo and gives a map, by the shapes of its tensors."""

from __future__ import annotations

from collections.abc import Sequence

from edge_apps.backends.float_io import Floats


def tensor_type(floats: Floats | None) -> str:
    """Return the type of an artifact's input and output."""
    return "float32" if floats else "uint8"


def photo_size(shapes: Sequence[tuple[int, ...]]) -> int | None:
    """Return S of a network that takes one photo and gives one map, None of any other.

    Args:
        shapes: of all inputs, then of all outputs: (1, S, S, 3), and (1, M, M) or (1, M, M, 1),
            where M is S divided by a whole number.
    """
    if len(shapes) != 2 or len(shapes[0]) != 4 or len(shapes[1]) not in (3, 4):
        return None
    photo, saliency_map = shapes
    size, side = photo[1], saliency_map[1]
    fits = size > 0 and side > 0 and size % side == 0
    same = photo == (1, size, size, 3) and saliency_map in ((1, side, side), (1, side, side, 1))
    return size if fits and same else None
