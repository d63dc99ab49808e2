"""BiSeNet (Yu et al., ECCV 2018): a spatial path beside a context path.

The context path is a ResNet-18 or an Xception-39. Widths that the paper leaves open are those of
its authors' TorchSeg.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from samnet.networks.baselines.parts import Architecture, Parts
from samnet.networks.baselines.xception import xception_stage
from samnet.networks.layers import ConvBN, StagedEncoder, resize

R18 = (64, 128, 256, 512)
"""Channels of ResNet-18 at strides 4 to 32."""

X39 = (8, 64, 128, 256)
"""Likewise of Xception-39."""

WIDTH = 128
"""Channels of either path's result."""

MAIN = 64
"""Channels before the main head."""


class BiSeNetEncoder(nn.Module):
    """(N, 3, H, W) to the spatial path's map at stride 8, then the context path's at 4 to 32."""

    def __init__(self, context: StagedEncoder) -> None:
        super().__init__()
        self.spatial = nn.Sequential(
            ConvBN(3, 64, 7, stride=2),
            ConvBN(64, 64, 3, stride=2),
            ConvBN(64, 64, 3, stride=2),
            ConvBN(64, WIDTH),
        )
        self.context = context

    def forward(self, x: Tensor) -> list[Tensor]:
        """Compute the five maps of normalized photos (N, 3, H, W)."""
        return [self.spatial(x), *self.context(x)]


class AttentionRefinement(nn.Module):
    """Attention refinement module, Fig. 2 (b): (N, C, H, W) to (N, 128, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvBN(channels, WIDTH, 3)
        self.weigh = ConvBN(WIDTH, WIDTH, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Reduce the channels and weigh them by their global average."""
        x = self.reduce(x)
        return x * torch.sigmoid(self.weigh(x.mean(dim=(2, 3), keepdim=True)))


class FeatureFusion(nn.Module):
    """Feature fusion module, Fig. 2 (c): two maps (N, 128, H, W) to (N, 256, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.merge = ConvBN(2 * WIDTH, 2 * WIDTH)
        self.weigh = nn.Sequential(
            nn.Conv2d(2 * WIDTH, 2 * WIDTH, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(2 * WIDTH, 2 * WIDTH, 1, bias=False),
        )

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        """Merge both maps and add what their channel attention lets through."""
        x = self.merge(torch.cat([spatial, context], dim=1))
        return cast(Tensor, x + x * torch.sigmoid(self.weigh(x.mean(dim=(2, 3), keepdim=True))))


class BiSeNetDecoder(nn.Module):
    """Refines the context from stride 32 to 8 and fuses it with the spatial path.

    Args:
        middle, deep: channels of the context path's maps at strides 16 and 32.
        side: channels before the two side heads.
    """

    def __init__(self, middle: int, deep: int, side: int) -> None:
        super().__init__()
        self.globally = ConvBN(deep, WIDTH)
        self.attention = nn.ModuleList([AttentionRefinement(deep), AttentionRefinement(middle)])
        self.refine = nn.ModuleList(ConvBN(WIDTH, WIDTH, 3) for _ in range(2))
        self.fusion = FeatureFusion()
        self.main = ConvBN(2 * WIDTH, MAIN, 3)
        self.sides = nn.ModuleList(ConvBN(WIDTH, side, 3) for _ in range(2))

    def forward(self, maps: list[Tensor], context: None) -> list[Tensor]:
        """Fuse the encoder's five maps to features for each head, finest first."""
        spatial, _, shallow, middle, deep = maps
        above = self.globally(deep.mean(dim=(2, 3), keepdim=True))
        refined: list[Tensor] = []
        for x, larger, attention, refine in zip(
            (deep, middle), (middle, shallow), self.attention, self.refine, strict=True
        ):
            # The global context is one position, so that adding it spreads it over the map.
            above = refine(resize(attention(x) + above, (larger.shape[-2], larger.shape[-1])))
            refined.append(above)
        sides = [side(x) for side, x in zip(self.sides, refined, strict=True)]
        return [self.main(self.fusion(spatial, above)), sides[1], sides[0]]


def build_r18() -> Parts:
    """Build the network with a ResNet-18, whose layers are from torchvision."""
    from samnet.networks.torchvision_import import torchvision

    class Block(torchvision.models.resnet.BasicBlock):  # type: ignore[misc, name-defined]
        """torchvision's block, whose sum overwrites nothing; quantizers want it so."""

        def forward(self, x: Tensor) -> Tensor:
            residual = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            shortcut = x if self.downsample is None else self.downsample(x)
            return cast(Tensor, self.relu(residual + shortcut))

    net = torchvision.models.ResNet(Block, [2, 2, 2, 2])
    first = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1)
    return _build([first, net.layer2, net.layer3, net.layer4], R18, side=256)


def build_x39() -> Parts:
    """Build the network with an Xception-39."""
    first = nn.Sequential(ConvBN(3, 8, 3, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
    stages = [xception_stage(8, 16, 4), xception_stage(64, 32, 8), xception_stage(128, 64, 4)]
    return _build([first, *stages], X39, side=128)


def _build(stages: list[nn.Module], channels: tuple[int, ...], side: int) -> Parts:
    encoder = BiSeNetEncoder(StagedEncoder(stages))
    return Parts(encoder, BiSeNetDecoder(channels[2], channels[3], side), (MAIN, side, side))


BISENET_R18 = Architecture((WIDTH, *R18), stride=8, build=build_r18)
BISENET_X39 = Architecture((WIDTH, *X39), stride=8, build=build_x39)
