"""Distills the features of an ImageNet network into an encoder, in place of pretraining.

Without ImageNet at hand, an EfficientNet-Lite0 that was trained on it shows the backbone what to
look for: at four strides a 1x1 convolution of the backbone's features has to match the teacher's.
The adapters are thrown away afterwards. It needs no labels.

The teacher sees every photo once, whole and at the size it was trained at; its features are kept
and cropped together with the photo, so that it costs nothing while the network trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samnet.data.packed import PackedPairs
from samnet.training.augmentation import crop
from samnet.training.cached_rows import kept_rows
from samnet.training.imagenet_teacher import STRIDES, TAPS, TEACHER_SIZE, FeatureTeacher
from samnet.training.joined_rows import Rows


class ImitatedFeatures:
    """The teacher's features of photos, in half precision, memory-mapped.

    Args:
        taps: taps of the photos of all sets, an entry a tap.
    """

    def __init__(self, taps: Sequence[Rows]) -> None:
        self.taps = tuple(taps)

    def batch(self, index: Tensor, crops: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """Return features of some photos, cropped as these are, at a size each."""
        return [
            crop(rows.take(index, crops.device).float(), crops, size)
            for rows, size in zip(self.taps, sizes, strict=True)
        ]


def kept_features(sets: Sequence[tuple[PackedPairs, str]], cache: Path) -> ImitatedFeatures:
    """Return the teacher's features of photos, from the cache where they stand there.

    Args:
        sets: photos at TEACHER_SIZE, and their name; features are found again under it and the
            teacher's key.
        cache: folder for the arrays.

    Raises:
        InputError: as :class:`samnet.training.imagenet_teacher.FeatureTeacher`, or if they cannot
            be kept.
    """
    teacher = FeatureTeacher().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    arrays = [_features(teacher, packed, cache, name) for packed, name in sets]
    return ImitatedFeatures([Rows(parts) for parts in zip(*arrays, strict=True)])


def _features(teacher: FeatureTeacher, packed: PackedPairs, cache: Path, name: str) -> list[Tensor]:
    def compute(start: int, end: int) -> list[np.ndarray]:
        photos, _ = packed.batch(torch.arange(start, end), torch.device("cpu"))
        x = photos.float().div(255).contiguous(memory_format=torch.channels_last)
        return [features.half().numpy() for features in teacher(x)]

    paths = [cache / f"{name}_{teacher.key}_features_{tap}.npy" for tap in TAPS]
    sides = [TEACHER_SIZE // stride for stride in STRIDES]
    kinds = [
        ((len(packed), channels, side, side), np.float16)
        for channels, side in zip(TAPS.values(), sides, strict=True)
    ]
    return kept_rows(paths, kinds, compute, "features to imitate")


class Imitation(nn.Module):
    """The loss between a backbone's features and the teacher's.

    Args:
        channels: channels of the backbone's stages 2 to 5.
        targets: likewise of the teacher.
    """

    def __init__(
        self, channels: tuple[int, ...], targets: tuple[int, ...] = tuple(TAPS.values())
    ) -> None:
        super().__init__()
        pairs = list(zip(channels, targets, strict=True))
        self.adapters = nn.ModuleList(nn.Conv2d(c, target, 1) for c, target in pairs)
        # The teacher's channels differ in range by orders of magnitude.
        self.standardize = nn.ModuleList(nn.BatchNorm2d(t, affine=False) for _, t in pairs)

    def forward(self, features: list[Tensor], teacher: list[Tensor]) -> Tensor:
        """Compute the mean squared error of standardized features, averaged over the taps."""
        losses = []
        for x, t, adapter, standardize in zip(
            features, teacher, self.adapters, self.standardize, strict=True
        ):
            losses.append(F.mse_loss(adapter(x), standardize(t)))
        return torch.stack(losses).mean()
