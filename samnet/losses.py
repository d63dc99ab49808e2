"""Losses of saliency maps under deep supervision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Literal["bce", "bce+iou"]

SIDE_WEIGHT = 0.4
"""Weight of each side map P2 to P5 against the main map, lambda of Eq. 17."""


def overlap_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """One minus the soft intersection over union, averaged over photos.

    Args:
        logits: (N, 1, H, W).
        truth: (N, 1, H, W) in 0 to 1.

    Source: Mattyus et al., DeepRoadMapper, ICCV 2017, as used for saliency by BASNet.
    """
    probability = torch.sigmoid(logits)
    intersection = (probability * truth).sum(dim=(1, 2, 3))
    union = (probability + truth - probability * truth).sum(dim=(1, 2, 3))
    return (1 - (intersection + 1) / (union + 1)).mean()


def saliency_loss(logits: Sequence[Tensor], truth: Tensor, kind: Loss) -> Tensor:
    """Loss of the five maps (Eq. 17), with an overlap term if asked for.

    Args:
        logits: P1 to P5, each (N, 1, H, W).
        truth: (N, 1, H, W) in 0 to 1.
        kind: ``bce`` is the paper's.
    """
    total = torch.zeros((), device=truth.device)
    for i, map_logits in enumerate(logits):
        loss = F.binary_cross_entropy_with_logits(map_logits.float(), truth)
        if kind == "bce+iou":
            loss = loss + overlap_loss(map_logits.float(), truth)
        total = total + (1.0 if i == 0 else SIDE_WEIGHT) * loss
    return total
