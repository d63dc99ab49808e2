"""ShuffleNetV2 (Ma et al., ECCV 2018) with SAMNet's decoder."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from samnet.networks.baselines.decoder import decoded
from samnet.networks.baselines.parts import Architecture, Parts

CHANNELS = (24, 24, 116, 232, 1024)


class Unit(nn.Module):
    """A unit of stride 1 on torchvision's layers, its halves taken as slices.

    torchvision's splits, which ExecuTorch executes outside its fast path.

    Args:
        branch: branch of the second half; the first half is passed on.
    """

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch2 = branch

    def forward(self, x: Tensor) -> Tensor:
        """Pass the second half of the channels through the branch and shuffle both halves."""
        half = x.shape[1] // 2
        return shuffled(torch.cat([x[:, :half], cast(Tensor, self.branch2(x[:, half:]))], dim=1))


def shuffled(x: Tensor) -> Tensor:
    """Interleave the channels of both halves of (N, C, H, W)."""
    n, c, height, width = x.shape
    return x.reshape(n, 2, c // 2, height, width).transpose(1, 2).reshape(n, c, height, width)


def build() -> Parts:
    """Build the network at width 1, layers from torchvision."""
    from samnet.networks.torchvision_import import torchvision

    net = torchvision.models.shufflenet_v2_x1_0()
    for stage in (net.stage2, net.stage3, net.stage4):
        for name, unit in list(stage.named_children())[1:]:
            setattr(stage, name, Unit(unit.branch2))
    last = nn.Sequential(net.stage4, net.conv5)
    return decoded([net.conv1, net.maxpool, net.stage2, net.stage3, last], CHANNELS)


SHUFFLENETV2 = Architecture(CHANNELS, stride=2, build=build)
