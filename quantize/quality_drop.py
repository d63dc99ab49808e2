"""Measures how a choice of quantized modules changes the maps of the float network."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from common.images.photos import Bytes
from edge_apps.maps.coding import Coding
from quantize.quantized_program import map_bytes
from samnet.evaluation.metrics import SaliencyMetrics

LARGEST_SNR = 120.0
"""dB, where nothing differs: more than 24-bit mantissas can tell."""


@dataclasses.dataclass(frozen=True)
class Effect:
    """What one choice of quantized modules does, against the float network.

    Args:
        snr: signal-to-noise ratio of the probability, in dB.
        max_F: change of the paper's maximum F-measure.
        MAE: change of the mean absolute error.
    """

    snr: float
    max_F: float
    MAE: float


class QualityDrop:
    """Collects the maps of one choice.

    Args:
        coding: coding of the network's map.
        side: S, height and width of its input.
    """

    def __init__(self, coding: Coding, side: int) -> None:
        self.coding, self.side = coding, side
        self.metrics = SaliencyMetrics("fast")
        self.signal = self.noise = 0.0

    def add(self, logits: Tensor, expected: Tensor, mask: Bytes) -> None:
        """Add a photo.

        Args:
            logits: (1, 1, M, M), as the map of a photo is made of them.
            expected: the float network's.
            mask: (H, W).
        """
        found, wanted = (torch.sigmoid(it.double()) for it in (logits, expected))
        self.signal += float(wanted.square().sum())
        self.noise += float((found - wanted).square().sum())
        height, width = mask.shape
        raw = map_bytes(logits[0, 0], self.coding)
        saliency_map = self.coding.enlarge(raw, self.side, (height, width))
        self.metrics.add(saliency_map, mask)

    def effect(self, reference: QualityDrop) -> Effect:
        """Compare with the float network's maps."""
        snr = LARGEST_SNR
        if self.noise > 0:
            snr = min(snr, 10 * math.log10(max(self.signal, 1e-30) / self.noise))
        mine, other = self.metrics.scores(), reference.metrics.scores()
        return Effect(snr, mine.max_F - other.max_F, mine.MAE - other.MAE)
