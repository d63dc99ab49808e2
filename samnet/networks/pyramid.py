"""The pyramid pooling module, stage 6 of the backbone (Zhao et al., CVPR 2017)."""

from __future__ import annotations

from abc import abstractmethod
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samnet.networks.layers import ConvBN, resize

BINS = (1, 2, 3, 6)
"""Side lengths of the pooled grids."""


class Pyramid(nn.Module):
    """Context of an encoder's deepest map, from grids that it is pooled to."""

    @abstractmethod
    def fixed(self, side: int) -> nn.Module:
        """Return the same module for maps (1, C, side, side) alone.

        It has no adaptive pooling, which runtimes of small devices lack; its convolutions are
        shared, not copied.
        """


class PyramidPooling(Pyramid):
    """Adds context at four scales: (N, C, H, W) to the same shape.

    Each grid is pooled, reduced to C / 4 channels and upsampled; all are concatenated with the
    input and projected back to C channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = channels // 4
        self.levels = nn.ModuleList(ConvBN(channels, reduced) for _ in BINS)
        self.project = ConvBN(channels + reduced * len(BINS), channels)

    def forward(self, x: Tensor) -> Tensor:
        """Add context at four scales to (N, C, H, W)."""
        size = (x.shape[-2], x.shape[-1])
        scales = [x]
        for bins, level in zip(BINS, self.levels, strict=True):
            scales.append(resize(level(F.adaptive_avg_pool2d(x, bins)), size))
        return cast(Tensor, self.project(torch.cat(scales, dim=1)))

    def fixed(self, side: int) -> nn.Module:
        """See :class:`FixedPyramidPooling`."""
        return FixedPyramidPooling(self, side)


def pooling_matrix(bins: int, side: int) -> Tensor:
    """Compute adaptive average pooling of a (side, side) map: (bins * bins, side * side)."""
    identity = torch.eye(side * side).reshape(1, -1, side, side)
    return F.adaptive_avg_pool2d(identity, bins).reshape(side * side, -1).T.contiguous()


def upsampling_matrix(bins: int, side: int) -> Tensor:
    """Compute bilinear upsampling, corners aligned: (side * side, bins * bins)."""
    identity = torch.eye(bins * bins).reshape(1, -1, bins, bins)
    return resize(identity, (side, side)).reshape(bins * bins, -1).T.contiguous()


class FixedPyramidPooling(nn.Module):
    """Pyramid pooling of a map whose size is known: (1, C, side, side) to the same shape.

    Pooling and upsampling are products with constant matrices, which stay inside the delegates
    of mobile runtimes; these have no adaptive pooling.

    Args:
        pyramid: the module to replace; its convolutions are shared, not copied.
        side: height and width of its input.
    """

    def __init__(self, pyramid: PyramidPooling, side: int) -> None:
        super().__init__()
        self.side = side
        self.levels = pyramid.levels
        self.project = pyramid.project
        for bins in BINS:
            self.register_buffer(f"pool_{bins}", pooling_matrix(bins, side))
            self.register_buffer(f"upsample_{bins}", upsampling_matrix(bins, side))

    def forward(self, x: Tensor) -> Tensor:
        """Add context at four scales to (1, C, side, side)."""
        n, c, _, _ = x.shape
        flat = x.reshape(n, c, self.side * self.side)
        scales = [x]
        for bins, level in zip(BINS, self.levels, strict=True):
            if bins == 1:
                # The product with a single row reaches LiteRT's converter as a malformed matmul.
                pooled = x.mean(dim=(2, 3), keepdim=True)
            else:
                pooled = F.linear(flat, self.get_buffer(f"pool_{bins}"))
            reduced = level(pooled.reshape(n, c, bins, bins))
            up = F.linear(reduced.reshape(n, -1, bins * bins), self.get_buffer(f"upsample_{bins}"))
            scales.append(up.reshape(n, -1, self.side, self.side))
        return cast(Tensor, self.project(torch.cat(scales, dim=1)))
