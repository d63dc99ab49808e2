"""DFANet A (Li et al., CVPR 2019): a small Xception passed three times, each deeper than before."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from samnet.networks.baselines.parts import Architecture, Parts
from samnet.networks.baselines.xception import xception_stage
from samnet.networks.layers import ConvBN, resize

WIDTHS = (12, 24, 48)
"""Channels inside the blocks of a pass's three stages; their results have four times as many."""

BLOCKS = (4, 6, 4)
"""Blocks of the three stages."""

SHALLOW, MIDDLE, DEEP = (4 * width for width in WIDTHS)

FUSED = 32
"""Channels of the decoder."""

CLASSES = 1000
"""Width of the attention's bottleneck: a layer that ImageNet's classes taught."""

PASSES = 3


class ClassAttention(nn.Module):
    """Fully connected attention: weighs the channels of (N, 192, H, W) by what is in the photo."""

    def __init__(self) -> None:
        super().__init__()
        self.classify = nn.Conv2d(DEEP, CLASSES, 1, bias=False)
        self.weigh = ConvBN(CLASSES, DEEP)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh the channels of (N, 192, H, W) by its global average."""
        return cast(Tensor, x * self.weigh(self.classify(x.mean(dim=(2, 3), keepdim=True))))


class Pass(nn.Module):
    """One passage of the backbone.

    Args:
        channels: channels of its input.
        again: whether stages 2 and 3 are given the previous pass's results besides.
    """

    def __init__(self, channels: int, *, again: bool) -> None:
        super().__init__()
        extra = (0, MIDDLE, DEEP) if again else (0, 0, 0)
        ins = (channels, SHALLOW + extra[1], MIDDLE + extra[2])
        self.stages = nn.ModuleList(
            xception_stage(c, width, blocks, late=True)
            for c, width, blocks in zip(ins, WIDTHS, BLOCKS, strict=True)
        )
        self.attention = ClassAttention()

    def forward(self, x: Tensor, previous: list[Tensor]) -> list[Tensor]:
        """Compute the three stages' results and that of the attention.

        Args:
            x: (N, channels, H, W).
            previous: what the previous pass returned, or nothing in the first one.
        """
        results: list[Tensor] = []
        for i, stage in enumerate(self.stages):
            if i > 0 and previous:
                # Stage i of the pass before stands at the stride that this one starts from.
                x = torch.cat([x, resize(previous[i], (x.shape[-2], x.shape[-1]))], dim=1)
            x = stage(x)
            results.append(x)
        return [*results, self.attention(x)]


class DFANetEncoder(nn.Module):
    """(N, 3, H, W) to maps of strides 2, 4, 8, 16, 32 and, for the decoder, again 16 and 64.

    These are the first layer's, then the first stage's of the first and second pass, the
    attention's of both, and both of the third pass.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = ConvBN(3, 8, 3, stride=2)
        self.passes = nn.ModuleList(
            Pass(SHALLOW + DEEP if i else 8, again=i > 0) for i in range(PASSES)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Compute the seven maps of normalized photos (N, 3, H, W)."""
        start = self.first(x)
        passed: list[list[Tensor]] = [self.passes[0](start, [])]
        for aggregate in list(self.passes)[1:]:
            shallow, *_, deep = passed[-1]
            up = resize(deep, (shallow.shape[-2], shallow.shape[-1]))
            passed.append(aggregate(torch.cat([up, shallow], dim=1), passed[-1]))
        (first, *_, context1), (second, *_, context2), (third, *_, context3) = passed
        return [start, first, second, context1, context2, third, context3]


class DFANetDecoder(nn.Module):
    """Adds the first stages of all passes, then the attentions' results, at stride 4."""

    def __init__(self) -> None:
        super().__init__()
        self.details = nn.ModuleList(ConvBN(SHALLOW, FUSED) for _ in range(PASSES))
        self.contexts = nn.ModuleList(ConvBN(DEEP, FUSED) for _ in range(PASSES))
        self.merge = ConvBN(FUSED, FUSED)

    def forward(self, maps: list[Tensor], context: None) -> list[Tensor]:
        """Fuse the encoder's seven maps to the features of the one head, at stride 4."""
        _, first, second, context1, context2, third, context3 = maps
        size = (first.shape[-2], first.shape[-1])
        details = [first, second, third]
        pairs = zip(self.details, details, strict=True)
        merged = self.merge(_sum([resize(reduce(x), size) for reduce, x in pairs]))
        pairs = zip(self.contexts, [context1, context2, context3], strict=True)
        return [_sum([merged, *(resize(reduce(x), size) for reduce, x in pairs)])]


def _sum(maps: list[Tensor]) -> Tensor:
    total = maps[0]
    for x in maps[1:]:
        total = total + x
    return total


def build() -> Parts:
    """Build the network."""
    return Parts(DFANetEncoder(), DFANetDecoder(), (FUSED,))


DFANET = Architecture((8, SHALLOW, SHALLOW, DEEP, DEEP), stride=4, build=build)
