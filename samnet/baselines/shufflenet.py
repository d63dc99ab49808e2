"""ShuffleNet (Zhang et al., CVPR 2018) with SAMNet's decoder."""

from __future__ import annotations

from torch import nn

from samnet.baselines.decoder import decoded
from samnet.baselines.parts import Architecture, Parts

CHANNELS = (24, 24, 240, 480, 960)


def build() -> Parts:
    """The network at width 1 with three groups, layers from pytorchcv."""
    from pytorchcv.models.shufflenet import shufflenet_g3_w1

    first, *stages, _pool = shufflenet_g3_w1().features.children()
    *convolution, pool = first.children()
    return decoded([nn.Sequential(*convolution), pool, *stages], CHANNELS)


SHUFFLENET = Architecture(CHANNELS, stride=2, build=build)
