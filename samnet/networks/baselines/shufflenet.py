"""ShuffleNet (Zhang et al., CVPR 2018) with SAMNet's decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samnet.networks.baselines.decoder import decoded
from samnet.networks.baselines.parts import Architecture, Parts

CHANNELS = (24, 24, 240, 480, 960)


class Average(nn.Module):
    """What ``AvgPool2d(3, stride=2, padding=1)`` computes, as a depthwise convolution.

    Runtimes that leave the zeros of the padding out of an average have no other operation for it.

    Args:
        channels: channels of its input.
    """

    weight: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.full((channels, 1, 3, 3), 1 / 9), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Average windows of 3x3: (N, C, H, W) to (N, C, H / 2, W / 2)."""
        return F.conv2d(x, self.weight, stride=2, padding=1, groups=len(self.weight))


def build() -> Parts:
    """Build the network at width 1 with three groups, layers from pytorchcv."""
    from pytorchcv.models.shufflenet import shufflenet_g3_w1

    first, *stages, _pool = shufflenet_g3_w1().features.children()
    for stage in stages:
        stage.unit1.avgpool = Average(stage.unit1.compress_conv1.in_channels)
    *convolution, pool = first.children()
    return decoded([nn.Sequential(*convolution), pool, *stages], CHANNELS)


SHUFFLENET = Architecture(CHANNELS, stride=2, build=build)
