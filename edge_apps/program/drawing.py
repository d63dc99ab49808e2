"""Draws a map for people: as an overlay, alone, or as a cut-out."""

from __future__ import annotations

import functools
from typing import Literal, get_args

import numpy as np

from common.images.photos import Bytes, cutout, overlay

Show = Literal["overlay", "map", "cutout"]
"""The photo with what is salient tinted; the map; the photo with the map as its opacity."""

SHOWS: tuple[Show, ...] = get_args(Show)

ENDINGS: dict[Show, str] = {"overlay": "_overlay", "map": "", "cutout": "_cutout"}
"""What a file's name has after the photo's stem."""

SQUARE = 12
"""Pixels of a square of the board under a cut-out."""

DARK, LIGHT = 96, 128
"""Gray values of the board."""


def draw(show: Show, photo: Bytes, saliency_map: Bytes) -> Bytes:
    """Draw the picture for a file.

    Args:
        show: what is wanted.
        photo: (H, W, 3) uint8.
        saliency_map: (H, W) uint8.

    Returns:
        The overlay (H, W, 3), the map (H, W) or the cut-out (H, W, 4), uint8.
    """
    if show == "overlay":
        return overlay(photo, saliency_map)
    return saliency_map if show == "map" else cutout(photo, saliency_map)


def display(show: Show | Literal["photo"], photo: Bytes, saliency_map: Bytes) -> Bytes:
    """Draw the picture for a screen or a video, (H, W, 3) uint8; a cut-out lies over a board."""
    if show == "photo":
        return photo
    if show == "overlay":
        return overlay(photo, saliency_map)
    if show == "map":
        return np.repeat(saliency_map[..., None], 3, axis=2)
    height, width = saliency_map.shape
    opacity = saliency_map[..., None].astype(np.uint16)
    mixed = photo * opacity + _board(height, width) * (255 - opacity)
    return (mixed // 255).astype(np.uint8)


@functools.lru_cache(maxsize=2)
def _board(height: int, width: int) -> Bytes:
    """Draw gray squares, (H, W, 1) uint8."""
    rows, columns = np.arange(height) // SQUARE, np.arange(width) // SQUARE
    odd = (rows[:, None] + columns) % 2 == 1
    return np.where(odd, LIGHT, DARK).astype(np.uint8)[..., None]
