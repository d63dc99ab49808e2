"""SAMNet's decoder behind a classification network's features."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from samnet.networks.baselines.parts import Parts
from samnet.networks.config import STAGES, SAMNetConfig
from samnet.networks.layers import ConvBN, DSConv, StagedEncoder
from samnet.networks.samnet import FUSION, Decoder


class PlainDecoder(Decoder):
    """Eq. 15 and 16 on any five maps, without stage 6.

    These encoders end in no pyramid pooling, so nothing is added to their deepest map, and it
    goes to its fusing convolution as it is. That gives the parameter counts of Table II.

    Args:
        channels: channels of the five maps, at strides 2 to 32.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        nn.Module.__init__(self)
        self.first = 0
        self.laterals = nn.ModuleList(ConvBN(c, c, relu=False) for c in channels[:-1])
        self.laterals.append(nn.Identity())
        self.fusions = nn.ModuleList(
            DSConv(c, out, kernel or SAMNetConfig.decoder_kernel, dilation=dilation)
            for c, out, (kernel, dilation) in zip(channels, _fused(channels), FUSION, strict=True)
        )


def decoded(stages: Sequence[nn.Module], channels: tuple[int, ...]) -> Parts:
    """Put SAMNet's decoder behind a classification network.

    Args:
        stages: its layers, cut where the stride doubles: strides 2, 4, 8, 16, 32.
        channels: channels of the five results.
    """
    return Parts(StagedEncoder(stages), PlainDecoder(channels), _fused(channels))


def _fused(channels: Sequence[int]) -> tuple[int, ...]:
    return tuple(channels[max(i - 1, 0)] for i in range(STAGES))
