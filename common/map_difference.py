"""Difference of two maps of one photo."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from common.images.photos import Bytes

SALIENT = 128
"""A pixel of at least this is decided to be salient."""


def pixel_difference(saliency_map: Bytes, reference: Bytes) -> NDArray[np.int16]:
    """Compute the absolute difference of every pixel of two maps, or sets of maps, in 1/255."""
    apart: NDArray[np.int16] = np.abs(saliency_map.astype(np.int16) - reference)
    return apart


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far maps are from others, in steps of 1/255.

    Args:
        max: the largest difference of a pixel.
        mean: over the pixels.
        within_1: share of pixels that differ by at most 1.
        decided: share of pixels that both take for salient, or both do not.
    """

    max: int
    mean: float
    within_1: float
    decided: float

    @classmethod
    def of(cls, saliency_map: Bytes, reference: Bytes) -> Agreement:
        """Compare two maps (S, S) uint8."""
        return cls.of_all([saliency_map], [reference])

    @classmethod
    def of_all(cls, maps: Sequence[Bytes], references: Sequence[Bytes]) -> Agreement:
        """Compare maps (S, S) uint8 with as many others, all pixels of all photos at once."""
        found, expected = np.stack(maps), np.stack(references)
        apart = pixel_difference(found, expected)
        return cls(
            int(apart.max()),
            float(apart.mean()),
            float((apart <= 1).mean()),
            float(((found >= SALIENT) == (expected >= SALIENT)).mean()),
        )
