"""ICNet (Zhao et al., ECCV 2018): a photo at three resolutions, the smallest through most layers.

Its ResNet-50 has half the channels throughout, which the authors reach by pruning.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samnet.baselines.parts import Architecture, Parts
from samnet.layers import ConvBN, resize
from samnet.pyramid import BINS

CHANNELS = (32, 32, 64, 256, 1024)

FUSED = 128
"""Channels in which the resolutions are fused."""

CONTEXT = 256
"""Channels of the smallest resolution after its pyramid pooling."""


def half(x: Tensor) -> Tensor:
    """Bilinear resize to half the height and width, rounded up."""
    return resize(x, (-(-x.shape[-2] // 2), -(-x.shape[-1] // 2)))


class ICNetEncoder(nn.Module):
    """(N, 3, H, W) to maps at strides 2, 4, 8 of the photo, 16 of its half, 32 of a quarter."""

    def __init__(self) -> None:
        super().__init__()
        from pytorchcv.models.resnetd import ResNetD

        layers = ResNetD(
            channels=[[128] * 3, [256] * 4, [512] * 6, [1024] * 3],
            init_block_channels=32,
            bottleneck=True,
            conv1_stride=False,
        ).features
        first, *rest = layers.stage2.children()
        self.full = nn.ModuleList(
            ConvBN(a, b, 3, stride=2) for a, b in ((3, 32), (32, 32), (32, 64))
        )
        # The two smaller resolutions share their first layers.
        self.shared = nn.Sequential(layers.init_block, layers.stage1, first)
        self.quarter = nn.Sequential(*rest, layers.stage3, layers.stage4)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps, y = [], x
        for layer in self.full:
            y = layer(y)
            maps.append(y)
        middle = self.shared(half(x))
        return [*maps, middle, self.quarter(half(middle))]


class CascadeFusion(nn.Module):
    """Cascade feature fusion, Fig. 3: a map and one of twice its stride to (N, 128, H, W)."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.low = ConvBN(low, FUSED, 3, dilation=2, relu=False)
        self.high = ConvBN(high, FUSED, relu=False)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        return F.relu(self.low(resize(low, (high.shape[-2], high.shape[-1]))) + self.high(high))


class ICNetDecoder(nn.Module):
    """Pyramid pooling of the smallest resolution, then a fusion with each larger one."""

    def __init__(self) -> None:
        super().__init__()
        self.context = ConvBN(CHANNELS[4], CONTEXT)
        self.fuse_middle = CascadeFusion(CONTEXT, CHANNELS[3])
        self.fuse_full = CascadeFusion(FUSED, CHANNELS[2])

    def forward(self, maps: list[Tensor], context: None) -> list[Tensor]:
        deepest, size = maps[4], (maps[4].shape[-2], maps[4].shape[-1])
        # ICNet adds the pooled grids where PSPNet concatenates them.
        pooled = [resize(F.adaptive_avg_pool2d(deepest, bins), size) for bins in BINS]
        low = self.context(torch.stack([deepest, *pooled]).sum(0))
        middle = self.fuse_middle(low, maps[3])
        return [self.fuse_full(middle, maps[2]), middle, low]


def build() -> Parts:
    """The network; its ResNet's layers are from pytorchcv."""
    return Parts(ICNetEncoder(), ICNetDecoder(), (FUSED, FUSED, CONTEXT))


ICNET = Architecture(CHANNELS, stride=8, build=build)
