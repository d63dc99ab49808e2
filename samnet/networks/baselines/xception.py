"""Xception (Chollet, CVPR 2017) as small as real-time segmentation uses it."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from samnet.networks.layers import ConvBN

EXPANSION = 4
"""Channels of a block's result over those inside."""


def separable(
    in_channels: int, out_channels: int, *, stride: int = 1, relu: bool = True
) -> nn.Sequential:
    """Build a depthwise 3x3, then 1x1 with batch normalization; nothing between, as in Xception."""
    depthwise = nn.Conv2d(
        in_channels, in_channels, 3, stride, padding=1, groups=in_channels, bias=False
    )
    return nn.Sequential(depthwise, ConvBN(in_channels, out_channels, relu=relu))


class XceptionBlock(nn.Module):
    """Three separable convolutions with a bottleneck, around them a shortcut.

    Maps (N, in_channels, H, W) to (N, 4 * width, H / stride, W / stride), rounded up.

    Args:
        in_channels: channels of its input.
        width: channels between the convolutions.
        stride: 1 or 2.
        late: whether the last convolution has the stride, in place of the first.
    """

    def __init__(
        self, in_channels: int, width: int, *, stride: int = 1, late: bool = False
    ) -> None:
        super().__init__()
        out_channels = EXPANSION * width
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            self.shortcut = separable(in_channels, out_channels, stride=stride, relu=False)
        self.residual = nn.Sequential(
            separable(in_channels, width, stride=1 if late else stride),
            separable(width, width),
            separable(width, out_channels, stride=stride if late else 1, relu=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add the shortcut to the residual branch and rectify."""
        return F.relu(cast(Tensor, self.shortcut(x) + self.residual(x)))


def xception_stage(
    in_channels: int, width: int, blocks: int, *, late: bool = False
) -> nn.Sequential:
    """Build blocks of which the first halves height and width; ``late`` as there."""
    first = XceptionBlock(in_channels, width, stride=2, late=late)
    rest = (XceptionBlock(EXPANSION * width, width) for _ in range(blocks - 1))
    return nn.Sequential(first, *rest)
