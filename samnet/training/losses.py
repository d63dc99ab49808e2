"""Losses of saliency maps under deep supervision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Literal["bce", "bce+iou", "bce+iou+ssim", "bce+dice"]

SIDE_WEIGHT = 0.4
"""Weight of each side map P2 to P5 against the main map, lambda of Eq. 17."""


def overlap_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Compute one minus the soft intersection over union, averaged over photos.

    Args:
        logits: (N, 1, H, W).
        truth: (N, 1, H, W) in 0 to 1.

    Source: Mattyus et al., DeepRoadMapper, ICCV 2017, as used for saliency by BASNet.
    """
    probability = torch.sigmoid(logits)
    intersection = (probability * truth).sum(dim=(1, 2, 3))
    union = (probability + truth - probability * truth).sum(dim=(1, 2, 3))
    return (1 - (intersection + 1) / (union + 1)).mean()


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Compute one minus the soft Dice coefficient, averaged over photos.

    Args:
        logits: (N, 1, H, W).
        truth: (N, 1, H, W) in 0 to 1.

    Source: Milletari et al., V-Net, 3DV 2016, with squares in the denominator.
    """
    probability = torch.sigmoid(logits)
    intersection = (probability * truth).sum(dim=(1, 2, 3))
    total = (probability.square() + truth.square()).sum(dim=(1, 2, 3))
    return (1 - (2 * intersection + 1) / (total + 1)).mean()


SSIM_WINDOW = 11
"""Side of the windows of :func:`structure_loss`, in pixels."""


def structure_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Compute one minus the structural similarity in square windows, averaged over all.

    Args:
        logits: (N, 1, H, W).
        truth: (N, 1, H, W) in 0 to 1.

    Source: Wang et al., Image quality assessment, IEEE TIP 2004, as used for saliency by BASNet;
    windows weigh their pixels alike, which costs a fraction of the Gaussian ones.
    """
    x = torch.sigmoid(logits)

    def mean(values: Tensor) -> Tensor:
        return F.avg_pool2d(
            values, SSIM_WINDOW, stride=1, padding=SSIM_WINDOW // 2, count_include_pad=False
        )

    mean_x, mean_y = mean(x), mean(truth)
    covariance = mean(x * truth) - mean_x * mean_y
    variances = mean(x.square()) - mean_x.square() + mean(truth.square()) - mean_y.square()
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x.square() + mean_y.square() + 0.01**2)
    return 1 - (luminance * (2 * covariance + 0.03**2) / (variances + 0.03**2)).mean()


TERMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bce": F.binary_cross_entropy_with_logits,
    "iou": overlap_loss,
    "dice": dice_loss,
    "ssim": structure_loss,
}
"""What the parts of a loss's name stand for."""


def saliency_loss(logits: Sequence[Tensor], truth: Tensor, kind: Loss) -> Tensor:
    """Sum the loss of all maps (Eq. 17), each the sum of the terms that its name lists.

    Args:
        logits: the maps', main one first, each (N, 1, H, W).
        truth: (N, 1, H, W) in 0 to 1.
        kind: ``bce`` is the paper's.
    """
    total = torch.zeros((), device=truth.device)
    for i, map_logits in enumerate(logits):
        terms = [TERMS[term](map_logits.float(), truth) for term in kind.split("+")]
        loss = torch.stack(terms).sum()
        total = total + (1.0 if i == 0 else SIDE_WEIGHT) * loss
    return total
