"""SAMNet: encoder, decoder and heads (Section III-C, Fig. 2, Table I)."""

from __future__ import annotations

from torch import Tensor, nn

from samnet.networks.attention import SAM
from samnet.networks.base import Head, SaliencyNetwork
from samnet.networks.config import STAGES, SAMNetConfig
from samnet.networks.layers import ConvBN, DSConv, StagedEncoder, initialize, resize
from samnet.networks.pyramid import PyramidPooling

FUSION = ((None, 2), (None, 2), (None, 2), (3, 2), (3, 1))
"""Kernel size and dilation rate of the fusing convolution, stage 1 to 5 (Eq. 15, 16); None leaves
the kernel to the configuration."""


class Encoder(StagedEncoder):
    """Five stages of SAM modules: (N, 3, H, W) to five maps at strides 2, 4, 8, 16, 32."""

    def __init__(self, config: SAMNetConfig) -> None:
        super().__init__()
        widths = (3, *config.channels)
        for i in range(STAGES):
            first = ConvBN(3, widths[1], 3, stride=2) if i == 0 else None
            reduce = first or DSConv(widths[i], widths[i + 1], stride=2)
            modules = [
                SAM(
                    widths[i + 1],
                    config.dilation_rates[i],
                    config.attentions[i],
                    config.spatial_maps,
                )
                for _ in range(config.modules[i])
            ]
            self.stages.append(nn.Sequential(reduce, *modules))


class Decoder(nn.Module):
    """Fuses the encoder's maps from deep to shallow (Eq. 15, 16).

    Stages that the decoder does not reach hold an ``Identity``, so that the names of all others
    are the same in every configuration.
    """

    def __init__(self, config: SAMNetConfig) -> None:
        super().__init__()
        widths = config.channels
        self.first = first_decoded(config)
        self.laterals = nn.ModuleList(
            ConvBN(c, c, relu=False) if i >= self.first else nn.Identity()
            for i, c in enumerate(widths)
        )
        self.fusions = nn.ModuleList(
            DSConv(
                widths[i],
                widths[max(i - 1, 0)],
                kernel or config.decoder_kernel,
                dilation=dilation,
            )
            if i >= self.first
            else nn.Identity()
            for i, (kernel, dilation) in enumerate(FUSION)
        )

    def forward(self, features: list[Tensor], context: Tensor | None) -> list[Tensor]:
        """Fuse the stages.

        Args:
            features: the encoder's maps S1 to S5.
            context: S6, as large as S5, or None without pyramid pooling.

        Returns:
            R1 to R5 at the sizes of S1 to S5, or R2 to R5 of a decoder that ends there.
        """
        fused: list[Tensor] = []
        above = context
        for i in reversed(range(self.first, STAGES)):
            lateral = self.laterals[i](features[i])
            if above is not None:
                lateral = lateral + resize(above, lateral.shape[-2:])
            above = self.fusions[i](lateral)
            fused.insert(0, above)
        return fused


class SAMNet(SaliencyNetwork):
    """The salient object detection network of the paper.

    In training mode the forward pass maps normalized photos (N, 3, H, W) to the logits of the
    maps P1 to P5, each (N, 1, H, W), main map first; a decoder that ends at stage 2 gives P2 to
    P5, of which P2 is the main one. In evaluation mode it returns the main
    map's probability alone, (N, 1, H, W) in 0 to 1. H and W may be any size from 64, odd ones
    too.

    Args:
        config: which network; the default is the paper's, with 1,330,129 parameters.
    """

    config: SAMNetConfig

    def __init__(self, config: SAMNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or SAMNetConfig()
        widths = self.config.channels
        self.encoder = Encoder(self.config)
        self.pyramid = PyramidPooling(widths[-1]) if self.config.pyramid_pooling else None
        self.decoder = Decoder(self.config)
        first = first_decoded(self.config)
        self.heads = nn.ModuleList(
            Head(widths[max(i - 1, 0)]) if i >= first else nn.Identity() for i in range(STAGES)
        )
        initialize(self)


def first_decoded(config: SAMNetConfig) -> int:
    """Return the index of the shallowest stage that the decoder reaches: 0, or 1 at stride 4."""
    return config.decoder_stride // 4
