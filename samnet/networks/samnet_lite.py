"""``samnet-lite``: SAMNet's decoder and SAM modules on an encoder pretrained on ImageNet."""

from __future__ import annotations

import dataclasses
from typing import cast, get_args

from torch import Tensor, nn

from common.errors import InputError
from samnet.networks.attention import SAM
from samnet.networks.base import Head, SaliencyNetwork
from samnet.networks.config import Attention, StoredConfig
from samnet.networks.layers import ConvBN, DSConv, initialize, resize
from samnet.networks.lite_trunk import (
    TRUNK,
    TRUNKS,
    LiteTrunk,
    inner_channels,
    trunk_channels,
)
from samnet.networks.pyramid import Pyramid, PyramidPooling

STRIDES = (4, 8, 16, 32)
"""Of the maps that the decoder fuses."""

FUSION_DILATIONS = (2, 2, 2, 1)
"""Of the fusing convolutions at these strides, as in SAMNet's stages 2 to 5."""

MODULE_RATES = {16: (1, 2, 3), 32: (1, 2)}
"""Dilation rates of the SAM modules' branches at strides that may have one."""


@dataclasses.dataclass(frozen=True)
class LiteConfig(StoredConfig):
    """Describes one network on an EfficientNet-Lite. The defaults are ``samnet-lite``.

    Args:
        trunk: the encoder, a key of :data:`samnet.networks.lite_trunk.TRUNKS`.
        widths: channels of the decoder at strides 4, 8, 16 and 32.
        attention: how the SAM modules weight their branches, see
            :class:`samnet.networks.config.SAMNetConfig`; ``none`` sums them.
        modules: strides, of 16 and 32, at which the decoder has a SAM module.
        inner: channels inside each of the trunk's blocks; :mod:`samnet.networks.pruning` lowers
            them. Empty for those of the published network.

    Raises:
        InputError: if a value is outside what the network can be built with.
    """

    trunk: str = TRUNK
    widths: tuple[int, int, int, int] = (32, 48, 64, 96)
    attention: Attention = "stick_breaking"
    modules: tuple[int, ...] = (16, 32)
    inner: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.trunk not in TRUNKS:
            raise InputError(f"unknown trunk {self.trunk!r}; use one of {', '.join(TRUNKS)}")
        published = inner_channels(self.trunk)
        if not self.inner:
            object.__setattr__(self, "inner", published)  # frozen, and others read it
        if self.attention not in get_args(Attention):
            raise InputError(
                f"unknown attention {self.attention!r}; use one of {', '.join(get_args(Attention))}"
            )
        if len(self.widths) != len(STRIDES) or min(self.widths) < 8:
            raise InputError(
                f"widths {self.widths}: expected {len(STRIDES)} channel counts of at least 8"
            )
        if len(self.inner) != len(published) or not all(
            1 <= inner <= most for inner, most in zip(self.inner, published, strict=True)
        ):
            raise InputError(
                f"inner {self.inner}: expected a channel count for each of {len(published)} "
                f"blocks, at most those of {self.trunk}, {published}"
            )
        if not set(self.modules) <= set(MODULE_RATES):
            raise InputError(f"modules {self.modules}: expected strides of {list(MODULE_RATES)}")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the encoder's five maps."""
        return trunk_channels(self.trunk)

    @property
    def decoder_stride(self) -> int:
        """Stride of the decoder's main map."""
        return STRIDES[0]

    @property
    def corners_aligned(self) -> bool:
        """Maps are enlarged center on center, as every imaging library does."""
        return False


class LitePyramid(Pyramid):
    """Context at stride 32: (N, C, H, W) of the trunk to (N, width, H, W).

    A 1x1 convolution to the decoder's width precedes the pooling, which then costs a tenth.

    Args:
        channels: C.
        width: width of the result.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.reduce = ConvBN(channels, width, relu=False)
        self.pooling = PyramidPooling(width)

    def forward(self, x: Tensor) -> Tensor:
        """Reduce the channels of (N, C, H, W) and add context."""
        return cast(Tensor, self.pooling(self.reduce(x)))

    def fixed(self, side: int) -> nn.Module:
        """See :class:`samnet.networks.pyramid.Pyramid`."""
        return nn.Sequential(self.reduce, self.pooling.fixed(side))


class LiteDecoder(nn.Module):
    """Fuses the trunk's maps from deep to shallow, a SAM module before some of the fusions.

    Where no SAM module stands, an ``Identity`` does.
    """

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        widths = config.widths
        outputs = (widths[0], *widths[:-1])
        self.laterals = nn.ModuleList(
            ConvBN(channels, width, relu=False)
            for channels, width in zip(config.channels[1:-1], widths[:-1], strict=True)
        )
        self.attention = nn.ModuleList(
            SAM(width, MODULE_RATES[stride], config.attention, "shared")
            if stride in config.modules
            else nn.Identity()
            for stride, width in zip(STRIDES, widths, strict=True)
        )
        self.fusions = nn.ModuleList(
            DSConv(width, output, dilation=dilation)
            for width, output, dilation in zip(widths, outputs, FUSION_DILATIONS, strict=True)
        )

    def forward(self, features: list[Tensor], context: Tensor) -> list[Tensor]:
        """Fuse the maps.

        Args:
            features: the trunk's five maps.
            context: of the fifth, in the decoder's width.

        Returns:
            The fused maps at strides 4, 8, 16 and 32.
        """
        above = self.fusions[-1](self.attention[-1](context))
        fused = [above]
        for i in reversed(range(len(self.laterals))):
            lateral = self.laterals[i](features[i + 1])
            lateral = lateral + resize(above, lateral.shape[-2:])
            above = self.fusions[i](self.attention[i](lateral))
            fused.insert(0, above)
        return fused


class SAMNetLite(SaliencyNetwork):
    """EfficientNet-Lite with SAMNet's decoder and SAM modules at its two deepest strides.

    Training mode gives four maps, at strides 4 to 32, main one first.

    Args:
        config: which form; the default has 3,138,396 parameters.
    """

    config: LiteConfig
    encoder: LiteTrunk

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__()
        self.config = config or LiteConfig()
        widths = self.config.widths
        self.encoder = LiteTrunk(self.config.trunk, self.config.inner)
        self.pyramid = LitePyramid(self.config.channels[-1], widths[-1])
        self.decoder = LiteDecoder(self.config)
        self.heads = nn.ModuleList(Head(width) for width in (widths[0], *widths[:-1]))
        initialize(self)
