"""The Stereoscopically Attentive Multi-scale module (Section III-B, Fig. 1).

Everything is kept in four dimensions, one tensor a branch: stacking the branches along a fifth
dimension is shorter to write, but no mobile runtime executes it without leaving its fast path.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import cast

import torch
from torch import Tensor, nn

from samnet.networks.branch_mixing import softmax_product_mix, stick_breaking_product_mix
from samnet.networks.config import Attention, SpatialMaps
from samnet.networks.depthwise import in_training_step
from samnet.networks.layers import ConvBN, DSConv

MIX_PRODUCTS = {
    "softmax": softmax_product_mix,
    "stick_breaking": stick_breaking_product_mix,
}
"""The mixes as a training step on a CPU computes them, by attention."""


class ChannelLogits(nn.Module):
    """Channel-wise attention logits d (Eq. 7, 8): (N, C, H, W) to one (N, C, 1, 1) a branch."""

    def __init__(self, channels: int, branches: int) -> None:
        super().__init__()
        self.squeeze = ConvBN(channels, channels)
        # One matrix a branch instead of a single larger one: a quantized tensor that is sliced
        # afterwards fails when XNNPACK loads the program.
        self.expand = nn.ModuleList(
            nn.Conv2d(channels, channels, 1, bias=False) for _ in range(branches)
        )

    def forward(self, fused: Tensor) -> list[Tensor]:
        """Compute the logits (N, C, 1, 1) of each branch from the fused features (N, C, H, W)."""
        z = self.squeeze(fused.mean(dim=(2, 3), keepdim=True))
        return [expand(z) for expand in self.expand]


class SpatialLogits(nn.Module):
    """Spatial-wise attention logits s (Eq. 11): (N, C, H, W) to one (N, 1, H, W) a branch.

    With shared maps the single map is given to every branch.
    """

    def __init__(self, channels: int, branches: int, *, shared: bool) -> None:
        super().__init__()
        reduced = max(1, channels // 4)
        self.branches = branches
        self.reduce = ConvBN(channels, reduced)
        self.context = nn.Sequential(
            DSConv(reduced, reduced, dilation=2), DSConv(reduced, reduced, dilation=4)
        )
        self.maps = nn.ModuleList(
            nn.Conv2d(reduced, 1, 1, bias=False) for _ in range(1 if shared else branches)
        )

    def forward(self, fused: Tensor) -> list[Tensor]:
        """Compute the logits (N, 1, H, W) of each branch from the fused features (N, C, H, W)."""
        context = self.context(self.reduce(fused))
        maps = [project(context) for project in self.maps]
        return maps * self.branches if len(maps) == 1 else maps


def product_channels_last(d: Tensor, s: Tensor) -> Tensor:
    """Multiply d (N, C, 1, 1) by s (N, 1, H, W), laid out with the channels last.

    Neither factor tells how its product with the other lies in memory, and torch's choice is
    channels first. All that follows would then mix two layouts, which takes thrice the time.
    """
    product = d.permute(0, 2, 3, 1) * s.permute(0, 2, 3, 1)
    return product.permute(0, 3, 1, 2)


def softmax_mix(features: Sequence[Tensor], logits: Sequence[Tensor]) -> Tensor:
    """Weigh the branches by a softmax over their logits (Eq. 13, 14).

    Args:
        features: one (N, C, H, W) a branch.
        logits: as many tensors that broadcast to the same shape.

    Returns:
        (N, C, H, W), the weighted sum.
    """
    # The maximum is subtracted, as in every stable softmax: exp of the bare logits overflows
    # while activation ranges are observed on unusual photos.
    top = reduce(torch.maximum, logits)
    if not torch.compiler.is_exporting():
        top = top.detach()  # it cancels, and so does its gradient
    weights = [torch.exp(logit - top) for logit in logits]
    total = reduce(torch.add, weights)
    mixed = reduce(torch.add, [w * f for w, f in zip(weights, features, strict=True)])
    return mixed / total


def stick_breaking_mix(features: Sequence[Tensor], logits: Sequence[Tensor]) -> Tensor:
    """Weigh the branches by a chain of sigmoid gates.

    Starting from the last branch, each earlier branch i replaces a share sigmoid(l_i) of the
    mixture. The resulting weights are a stick-breaking construction: positive, sum 1.

    Args:
        features: one (N, C, H, W) a branch.
        logits: one tensor fewer than features; the last branch needs none.

    Returns:
        (N, C, H, W), the weighted sum.
    """
    mixed = features[-1]
    for feature, logit in zip(features[:-1], logits, strict=True):
        mixed = mixed + torch.sigmoid(logit) * (feature - mixed)
    return mixed


class SAM(nn.Module):
    """Multi-scale module with stereoscopic attention: (N, C, H, W) to the same shape.

    Args:
        channels: C.
        dilation_rates: dilation rate of each branch that follows the common one.
        attention: see :class:`samnet.networks.config.SAMNetConfig`.
        spatial_maps: likewise.
    """

    def __init__(
        self,
        channels: int,
        dilation_rates: Sequence[int],
        attention: Attention,
        spatial_maps: SpatialMaps,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.common = DSConv(channels, channels)
        self.branches = nn.ModuleList(
            DSConv(channels, channels, dilation=rate) for rate in dilation_rates
        )
        gates = len(dilation_rates) + (attention != "stick_breaking")
        if attention in ("softmax", "stick_breaking", "channel"):
            self.channel = ChannelLogits(channels, gates)
        if attention in ("softmax", "stick_breaking", "spatial"):
            # A softmax over one map that all branches share would be constant.
            shared = spatial_maps == "shared" and attention != "spatial"
            self.spatial = SpatialLogits(channels, gates, shared=shared)
        self.fuse = ConvBN(channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Mix the dilated branches of (N, C, H, W) by their attention and add the input."""
        common = self.common(x)
        features = [common, *(branch(common) for branch in self.branches)]
        fused = reduce(torch.add, features)  # M of Eq. 6
        if self.attention == "none":
            return cast(Tensor, self.fuse(fused) + x)
        if self.attention == "channel":
            logits = self.channel(fused)
        elif self.attention == "spatial":
            logits = self.spatial(fused)
        else:
            d, s = self.channel(fused), self.spatial(fused)
            if self.training and in_training_step(fused):
                mix_products = MIX_PRODUCTS[self.attention]
                return cast(Tensor, self.fuse(mix_products(features, d, s)) + x)
            last = self.training and fused.is_contiguous(memory_format=torch.channels_last)
            times = product_channels_last if last else torch.mul
            logits = [
                times(channel, spatial) for channel, spatial in zip(d, s, strict=True)
            ]  # Eq. 5
        mix = stick_breaking_mix if self.attention == "stick_breaking" else softmax_mix
        return cast(Tensor, self.fuse(mix(features, logits)) + x)
