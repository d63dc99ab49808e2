"""ICNet (Zhao et al., ECCV 2018): a photo at three resolutions, the smallest through most layers.

Its ResNet-50 has half the channels throughout, which the authors reach by pruning.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samnet.networks.baselines.parts import Architecture, Parts
from samnet.networks.layers import ConvBN, resize
from samnet.networks.pyramid import BINS, Pyramid, pooling_matrix, upsampling_matrix

CHANNELS = (32, 32, 64, 256, 1024)

FUSED = 128
"""Channels in which the resolutions are fused."""

CONTEXT = 256
"""Channels of the smallest resolution after its pyramid pooling."""


def half(x: Tensor) -> Tensor:
    """Resize bilinearly to half the height and width, rounded up."""
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
        """Compute the maps of normalized photos (N, 3, H, W) at all three resolutions."""
        maps, y = [], x
        for layer in self.full:
            y = layer(y)
            maps.append(y)
        middle = self.shared(half(x))
        return [*maps, middle, self.quarter(half(middle))]


class SummedPyramid(Pyramid):
    """ICNet adds the pooled grids where PSPNet concatenates them: (N, C, H, W) to (N, 256, H, W).

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = ConvBN(channels, CONTEXT)

    def forward(self, x: Tensor) -> Tensor:
        """Add the means of each grid to the input (N, C, H, W) and reduce the channels."""
        size = (x.shape[-2], x.shape[-1])
        pooled = [resize(F.adaptive_avg_pool2d(x, bins), size) for bins in BINS]
        return cast(Tensor, self.project(torch.stack([x, *pooled]).sum(0)))

    def fixed(self, side: int) -> nn.Module:
        """See :class:`FixedSummedPyramid`."""
        return FixedSummedPyramid(self, side)


class FixedSummedPyramid(nn.Module):
    """The same of a map whose size is known: adding, pooling and upsampling are one matrix.

    Args:
        pyramid: the module to replace; its convolution is shared, not copied.
        side: height and width of its input.
    """

    sum: Tensor

    def __init__(self, pyramid: SummedPyramid, side: int) -> None:
        super().__init__()
        self.side = side
        self.project = pyramid.project
        total = torch.eye(side * side)
        for bins in BINS:
            total += upsampling_matrix(bins, side) @ pooling_matrix(bins, side)
        self.register_buffer("sum", total)

    def forward(self, x: Tensor) -> Tensor:
        """Add the means of each grid to the input (1, C, side, side) and reduce the channels."""
        summed = F.linear(x.reshape(1, -1, self.side * self.side), self.sum)
        return cast(Tensor, self.project(summed.reshape(1, -1, self.side, self.side)))


class CascadeFusion(nn.Module):
    """Cascade feature fusion, Fig. 3: a map and one of twice its stride to (N, 128, H, W)."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.low = ConvBN(low, FUSED, 3, dilation=2, relu=False)
        self.high = ConvBN(high, FUSED, relu=False)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """Enlarge the coarse map to the fine one and add both."""
        return F.relu(self.low(resize(low, (high.shape[-2], high.shape[-1]))) + self.high(high))


class ICNetDecoder(nn.Module):
    """Fuses the pyramid of the smallest resolution with each larger one."""

    def __init__(self) -> None:
        super().__init__()
        self.fuse_middle = CascadeFusion(CONTEXT, CHANNELS[3])
        self.fuse_full = CascadeFusion(FUSED, CHANNELS[2])

    def forward(self, maps: list[Tensor], context: Tensor) -> list[Tensor]:
        """Fuse the maps of three resolutions to features for each head, finest first."""
        middle = self.fuse_middle(context, maps[3])
        return [self.fuse_full(middle, maps[2]), middle, context]


def build() -> Parts:
    """Build the network; its ResNet's layers are from pytorchcv."""
    pyramid = SummedPyramid(CHANNELS[4])
    return Parts(ICNetEncoder(), ICNetDecoder(), (FUSED, FUSED, CONTEXT), pyramid)


ICNET = Architecture(CHANNELS, stride=8, build=build)
