"""Trains networks that come without weights for a minute on synthetic scenes.

Latency does not depend on weights, but the checks that every artifact passes do: with random ones
networks are so ill-conditioned that comparing int8 with anything says nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samnet.checkpoints.checkpoint import Checkpoint
from samnet.data.synthetic import scene
from samnet.networks.base import SaliencyNetwork
from samnet.networks.preprocessing import Preprocessing
from samnet.networks.registry import AnyConfig, build_network
from samnet.training.augmentation import normalize

SCENES, SIDE = 64, 96
STEPS, BATCH, RATE = 60, 16, 1e-3

CONTRAST = 0.25
"""Standard deviation of the logits of the scenes. A sigmoid is straight there, so that rounding in
int8 shows in a map as it is, about a tenth of what the map tells; where logits run to tens it tips
whole regions over, and no comparison of two runtimes' maps says anything."""

REMARK = "weights of 60 steps on drawn scenes: fit for times, not for maps"


def taught(config: AnyConfig, size: int) -> Checkpoint:
    """Train a network a little; the same every time.

    Args:
        config: of the network.
        size: height and width that the checkpoint names, in pixels.

    Raises:
        InputError: if a library that it needs is not installed.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_network(config).train()
        photos, masks = _scenes()
        optimizer = torch.optim.Adam(model.parameters(), RATE)
        for step in range(STEPS):
            start = step * BATCH % SCENES
            logits = model(photos[start : start + BATCH])
            targets = masks[start : start + BATCH]
            losses = [F.binary_cross_entropy_with_logits(it, targets) for it in logits]
            optimizer.zero_grad()
            torch.stack(losses).sum().backward()
            optimizer.step()
        # The moving averages lag behind weights that changed this fast.
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.reset_running_stats()
                part.momentum = None
        with torch.no_grad():
            model(photos)
            _soften(model.eval(), photos)
    return Checkpoint(model.eval(), Preprocessing(size=size), {"note": REMARK})


def _soften(model: SaliencyNetwork, photos: Tensor) -> None:
    """Scale the heads so that the logits of photos (N, 3, S, S) have mean 0 and ``CONTRAST``."""
    for head, fused in zip(model.decoded_heads, model.features(photos), strict=True):
        logits = head(fused)
        gain = CONTRAST / logits.std()
        head.conv.weight.mul_(gain)
        assert head.conv.bias is not None
        head.conv.bias.sub_(logits.mean()).mul_(gain)


def _scenes() -> tuple[Tensor, Tensor]:
    """Draw normalized photos (N, 3, S, S), and masks (N, 1, S, S) of 0 and 1."""
    drawn = [scene(seed, SIDE) for seed in range(SCENES)]
    photos = torch.stack([torch.from_numpy(photo) for photo, _ in drawn])
    masks = torch.stack([torch.from_numpy(mask) for _, mask in drawn])[:, None] / 255
    return normalize(photos.permute(0, 3, 1, 2).float() / 255, Preprocessing(size=SIDE)), masks
