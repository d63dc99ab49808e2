"""What a choice of quantised modules does to the maps, in comparison with the float network."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from torch import Tensor

from edge_apps.photos import Bytes, resize_map
from quantize.recipe import OUTPUT_SCALE
from samnet.metrics import SaliencyMetrics

LARGEST_SNR = 120.0
"""dB, where nothing differs: more than 24-bit mantissas can tell."""


@dataclasses.dataclass(frozen=True)
class Effect:
    """What one choice of quantised modules does, against the float network.

    Args:
        snr: of the probability, in dB.
        max_F: change of the paper's maximum F-measure.
        MAE: change of the mean absolute error.
    """

    snr: float
    max_F: float
    MAE: float


class Tally:
    """Collects the maps of one choice."""

    def __init__(self) -> None:
        self.metrics = SaliencyMetrics("fast")
        self.signal = self.noise = 0.0

    def add(self, probability: Tensor, expected: Tensor, mask: Bytes) -> None:
        """Adds a photo: two probabilities (1, 1, S, S), and its mask (H, W)."""
        self.signal += float(expected.double().square().sum())
        self.noise += float((probability.double() - expected.double()).square().sum())
        height, width = mask.shape
        self.metrics.add(resize_map(as_map(probability), (height, width)), mask)

    def effect(self, reference: Tally) -> Effect:
        """Against the tally of the float network."""
        snr = LARGEST_SNR
        if self.noise > 0:
            snr = min(snr, 10 * math.log10(max(self.signal, 1e-30) / self.noise))
        mine, other = self.metrics.scores(), reference.metrics.scores()
        return Effect(snr, mine.max_F - other.max_F, mine.MAE - other.MAE)


def as_map(probability: Tensor) -> Bytes:
    """A probability (1, 1, S, S) as the bytes (S, S) that an int8 output has."""
    codes = np.rint(probability[0, 0].numpy() / OUTPUT_SCALE)
    return np.clip(codes, 0, 255).astype(np.uint8)
