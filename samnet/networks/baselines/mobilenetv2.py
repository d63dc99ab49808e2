"""MobileNetV2 (Sandler et al., CVPR 2018) with SAMNet's decoder."""

from __future__ import annotations

from samnet.networks.baselines.decoder import decoded
from samnet.networks.baselines.parts import Architecture, Parts

CHANNELS = (16, 24, 32, 96, 1280)

ENDS = (2, 4, 7, 14, 19)
"""Where torchvision's list of layers is cut; the last layers have no stride of their own."""


def build() -> Parts:
    """Build the network at width 1, layers from torchvision."""
    from samnet.networks.torchvision_import import torchvision

    layers = torchvision.models.mobilenet_v2().features
    starts = (0, *ENDS[:-1])
    return decoded([layers[a:b] for a, b in zip(starts, ENDS, strict=True)], CHANNELS)


MOBILENETV2 = Architecture(CHANNELS, stride=2, build=build)
