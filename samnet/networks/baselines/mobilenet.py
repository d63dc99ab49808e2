"""MobileNet (Howard et al., 2017, arXiv:1704.04861) with SAMNet's decoder."""

from __future__ import annotations

from torch import nn

from samnet.networks.baselines.decoder import decoded
from samnet.networks.baselines.parts import Architecture, Parts

CHANNELS = (64, 128, 256, 512, 1024)


def build() -> Parts:
    """Build the network at width 1, layers from pytorchcv."""
    from pytorchcv.models.mobilenet import mobilenet_w1

    first, stage1, *rest, _pool = mobilenet_w1().features.children()
    return decoded([nn.Sequential(first, stage1), *rest], CHANNELS)


MOBILENET = Architecture(CHANNELS, stride=2, build=build)
