"""Scores a network in training on the held-out pairs."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from samnet.data.packed import PackedPairs
from samnet.evaluation.metrics import SaliencyMetrics, Scores
from samnet.networks.base import SaliencyNetwork
from samnet.networks.preprocessing import Preprocessing
from samnet.training.augmentation import normalize
from samnet.training.tensorboard_panels import panel

BATCH = 20

PANEL = 8
"""Held-out photos that TensorBoard shows with their maps."""


@dataclasses.dataclass(frozen=True)
class Validation:
    """What came of the held-out pairs.

    Args:
        scores: over all of them.
        panel: the first few with masks and maps, (3, H, W) uint8.
    """

    scores: Scores
    panel: Tensor


def validate(network: SaliencyNetwork, pairs: PackedPairs, device: torch.device) -> Validation:
    """Compare the maps of the held-out pairs with their masks, at the network's size."""
    network.eval()
    metrics = SaliencyMetrics("fast")
    panels: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(pairs), BATCH):
            index = torch.arange(start, min(start + BATCH, len(pairs)))
            raw, masks = pairs.batch(index, device)
            maps = network(normalize(raw.float() / 255, Preprocessing()))
            codes = (maps[:, 0] * 255).round().byte()
            if not panels:
                panels.append(panel(raw[:PANEL], masks[:PANEL], list(codes[:PANEL])))
            for saliency_map, mask in zip(
                codes.cpu().numpy(), masks[:, 0].cpu().numpy(), strict=True
            ):
                metrics.add(saliency_map, mask)
    return Validation(metrics.scores(), panels[0])
