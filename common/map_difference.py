"""Difference of two maps of one photo."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from common.images.photos import Bytes

SALIENT = 128
"""A pixel of at least this is decided to be salient."""


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
        difference = np.abs(found.astype(np.int16) - expected)
        return cls(
            int(difference.max()),
            float(difference.mean()),
            float((difference <= 1).mean()),
            float(((found >= SALIENT) == (expected >= SALIENT)).mean()),
        )
