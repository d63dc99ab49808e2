"""Finds masks that were drawn without the rotation that EXIF asks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.images.decoding import orientation_of
from common.images.photos import Bytes, read_map, read_photo, resize_map, resize_photo
from samnet.data.layouts import Pair

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes the pixels of an EXIF orientation upright."""

SIDE = 256
"""Height and width in pixels at which outlines are compared."""

CLEAR = 1.15
"""The turned mask follows the edges of a photo better where it does so by this factor."""


def unturned(pairs: Sequence[Pair], most: int = 16) -> tuple[int, int]:
    """Count photos whose masks fit better as if they had been drawn before the turn.

    An object's outline lies where a photo has edges. Where the mask, turned as its photo is, meets
    stronger edges than as it is, it was drawn on the raw pixels.

    Args:
        pairs: a photo and its mask have one size.
        most: photos that are looked at.

    Returns:
        How many fit better, and how many photos that EXIF turns were looked at.

    Raises:
        InputError: if a file cannot be read.
    """
    turned = [(pair, orientation_of(pair.photo)) for pair in pairs]
    turned = [(pair, turn) for pair, turn in turned if turn in TURNS][:most]
    better = 0
    for pair, turn in turned:
        photo = resize_photo(read_photo(pair.photo), (SIDE, SIDE))
        mask = resize_map(read_map(pair.mask), (SIDE, SIDE))
        edges = np.hypot(*np.gradient(photo.mean(-1)))
        other = np.array(Image.fromarray(mask).transpose(TURNS[turn]))
        better += _met(edges, other) > CLEAR * _met(edges, mask)
    return better, len(turned)


def _met(edges: NDArray[np.float64], mask: Bytes) -> float:
    """Average the strength of the edges along the outline of a mask."""
    inside = mask > 128
    outline = np.zeros_like(inside)
    outline[1:] |= inside[1:] != inside[:-1]
    outline[:, 1:] |= inside[:, 1:] != inside[:, :-1]
    return float(edges[outline].mean()) if outline.any() else 0.0
