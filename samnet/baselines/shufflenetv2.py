"""ShuffleNetV2 (Ma et al., ECCV 2018) with SAMNet's decoder."""

from __future__ import annotations

from torch import nn

from samnet.baselines.decoder import decoded
from samnet.baselines.parts import Architecture, Parts

CHANNELS = (24, 24, 116, 232, 1024)


def build() -> Parts:
    """The network at width 1, layers from torchvision."""
    from samnet.vision import torchvision

    net = torchvision.models.shufflenet_v2_x1_0()
    last = nn.Sequential(net.stage4, net.conv5)
    return decoded([net.conv1, net.maxpool, net.stage2, net.stage3, last], CHANNELS)


SHUFFLENETV2 = Architecture(CHANNELS, stride=2, build=build)
