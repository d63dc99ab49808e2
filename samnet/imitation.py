"""Imitation of an ImageNet network's features, in place of pretraining on ImageNet.

Without ImageNet at hand, an EfficientNet-Lite0 that was trained on it shows the backbone what to
look for: at four strides a 1x1 convolution of the backbone's features has to match the teacher's.
The adapters are thrown away afterwards. It needs no labels.

The teacher sees every photo once, whole and at the size it was trained at; its features are kept
and cropped together with the photo, so that it costs nothing while the network trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edge_apps.files import replacing
from samnet.augment import crop
from samnet.data.arrays import new_array
from samnet.data.packed import PackedPairs
from samnet.feature_teacher import TAPS, FeatureTeacher
from samnet.progress import progress


class PackedFeatures:
    """The teacher's features of packed photos, in half precision, memory-mapped.

    Args:
        packed: the photos, at TEACHER_SIZE.
        cache: folder for the arrays.
        name: of these photos; the arrays are found again under it and the teacher's key.

    Raises:
        InputError: as :class:`samnet.feature_teacher.FeatureTeacher`.
    """

    def __init__(self, packed: PackedPairs, cache: Path, name: str) -> None:
        teacher = FeatureTeacher()
        paths = [cache / f"{name}_{teacher.key}_features_{tap}.npy" for tap in TAPS]
        if not all(path.exists() for path in paths):
            _write_features(packed, teacher, paths)
        self.features = [torch.from_numpy(np.load(path, mmap_mode="c")) for path in paths]

    def batch(self, index: Tensor, crops: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """Features of some photos, cropped as these are, at a size each."""
        device = crops.device
        return [
            crop(features[index].to(device).float(), crops, size)
            for features, size in zip(self.features, sizes, strict=True)
        ]


def _write_features(
    packed: PackedPairs, teacher: FeatureTeacher, paths: Sequence[Path], batch: int = 16
) -> None:
    teacher.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with ExitStack() as stack:
        temporary = [stack.enter_context(replacing(path, overwrite=True)) for path in paths]
        arrays: list[np.memmap] = []
        starts = range(0, len(packed), batch)
        for start in progress(starts, len(starts), "teacher's features"):
            index = torch.arange(start, min(start + batch, len(packed)))
            photos, _ = packed.batch(index, torch.device("cpu"))
            features = teacher(
                photos.float().div(255).contiguous(memory_format=torch.channels_last)
            )
            if not arrays:
                arrays = [
                    new_array(path, np.float16, (len(packed), *f.shape[1:]))
                    for path, f in zip(temporary, features, strict=True)
                ]
            for array, values in zip(arrays, features, strict=True):
                array[start : start + batch] = values.half().numpy()
        for array in arrays:
            array.flush()


class Imitation(nn.Module):
    """The loss between a backbone's features and the teacher's.

    Args:
        channels: channels of the backbone's stages 2 to 5.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(zip(channels, TAPS.values(), strict=True))
        self.adapters = nn.ModuleList(nn.Conv2d(c, target, 1) for c, target in pairs)
        # The teacher's channels differ in range by orders of magnitude.
        self.standardise = nn.ModuleList(nn.BatchNorm2d(t, affine=False) for _, t in pairs)

    def forward(self, features: list[Tensor], teacher: list[Tensor]) -> Tensor:
        """Mean squared error of standardised features, averaged over the taps."""
        losses = []
        for x, t, adapter, standardise in zip(
            features, teacher, self.adapters, self.standardise, strict=True
        ):
            losses.append(F.mse_loss(adapter(x), standardise(t)))
        return torch.stack(losses).mean()
