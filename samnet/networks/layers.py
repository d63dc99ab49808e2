"""Convolutions, resizing and initialization shared by all networks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samnet.networks.depthwise import DepthwiseConv2d, in_training_step


class StagedEncoder(nn.Module):
    """Stages one after the other: (N, 3, H, W) to the list of all their results.

    Args:
        stages: each is given what the one before it gives; subclasses may append theirs.
    """

    def __init__(self, stages: Iterable[nn.Module] = ()) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """List what every stage gives for x (N, 3, H, W)."""
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class ConvBN(nn.Sequential):
    """Convolution without bias, batch normalization and, unless told otherwise, ReLU.

    Maps (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride), rounded up.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.conv: nn.Conv2d
        if groups == in_channels == out_channels > 1 and stride == 1 and kernel_size % 2:
            self.conv = DepthwiseConv2d(in_channels, kernel_size, dilation)
        else:
            padding = dilation * (kernel_size - 1) // 2
            self.conv = nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride,
                padding,
                dilation,
                groups,
                bias=False,
            )
        self.bn = nn.BatchNorm2d(out_channels)
        if relu:
            self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalize and rectify (N, C, H, W), in place in a training step."""
        if not self.training or not hasattr(self, "relu"):
            return cast(Tensor, super().forward(x))
        x = self.bn(self.conv(x))
        # Overwriting halves the traffic with memory; graphs for quantizers must not do it.
        return torch.relu_(x) if in_training_step(x) else cast(Tensor, self.relu(x))


class DSConv(nn.Sequential):
    """Dilated depthwise separable convolution, the paper's basic unit (Section III-A).

    Depthwise k x k, batch normalization, ReLU; then 1x1, batch normalization, ReLU.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.depthwise = ConvBN(
            in_channels,
            in_channels,
            kernel_size,
            stride=stride,
            dilation=dilation,
            groups=in_channels,
        )
        self.pointwise = ConvBN(in_channels, out_channels)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, C, H, W) bilinearly to (N, C, *size), corners aligned."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def enlarge(x: Tensor, size: tuple[int, int], *, aligned: bool) -> Tensor:
    """Enlarge (N, C, H, W) bilinearly to (N, C, *size), corners or pixels' centers aligned."""
    if aligned or tuple(x.shape[-2:]) == tuple(size):
        return resize(x, size)
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def initialize(module: nn.Module) -> None:
    """Initialize every convolution by He's rule and every batch normalization to the identity."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
