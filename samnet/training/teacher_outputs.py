"""Computes and caches a teacher's outputs: its maps and, if asked for, its features.

A teacher sees every photo whole. What it made of a photo is cropped together with it, so that
teacher and student see the same crop.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from torch import Tensor

from common.errors import InputError
from common.images.photos import Bytes, read_photo, resize_photo
from samnet.data.layouts import Pair
from samnet.data.packed import fingerprint
from samnet.training.augmentation import crop
from samnet.training.cached_rows import kept_rows
from samnet.training.joined_rows import Rows
from samnet.training.teachers import Teacher, feature_sides


class TeacherOutputs:
    """A teacher's maps and features of photos, set after set.

    Args:
        sets: the photos; each set is kept by itself and found again by its content.
        teacher: looks at what is not kept yet.
        cache: folder for the arrays.
        features: whether features are wanted beside maps.

    Raises:
        InputError: if a photo cannot be read, the teacher gives no maps, or it has no features.
    """

    def __init__(
        self, sets: Sequence[Sequence[Path]], teacher: Teacher, cache: Path, *, features: bool
    ) -> None:
        if features and not teacher.channels:
            raise InputError(
                f"{teacher.path}: an ONNX network shows no features; set the recipe's features to "
                "0, or give a checkpoint of this project as --teacher"
            )
        arrays = [_look(photos, teacher, cache, features=features) for photos in sets]
        self.maps, *self.features = (Rows(parts) for parts in zip(*arrays, strict=True))

    def truth(self, index: Tensor, crops: Tensor, size: int) -> Tensor:
        """Return maps of some photos, cropped as these are: (N, 1, size, size) in 0 to 1."""
        maps = self.maps.take(index, crops.device).unsqueeze(1).float().div(255)
        return crop(maps, crops, (size, size))

    def features_of(self, index: Tensor, crops: Tensor, size: int) -> list[Tensor]:
        """Return features of some photos, cropped as these are, at the strides of (size, size)."""
        return [
            crop(rows.take(index, crops.device).float(), crops, (side, side))
            for rows, side in zip(self.features, feature_sides(size), strict=True)
        ]


def photos_key(photos: Sequence[Path]) -> str:
    """Name photos by their content."""
    return fingerprint([Pair(photo.stem, photo, photo) for photo in photos], 0)


def _look(photos: Sequence[Path], teacher: Teacher, cache: Path, *, features: bool) -> list[Tensor]:
    size, count = teacher.size, len(photos)
    stem = f"{photos_key(photos)}_{teacher.sha256[:16]}_{size}"
    paths = [cache / f"{stem}_maps.npy"]
    kinds: list[tuple[tuple[int, ...], type]] = [((count, size, size), np.uint8)]
    if features:
        sides = feature_sides(size)
        paths = [cache / f"{stem}_with_{name}.npy" for name in ("maps", *map(str, sides))]
        kinds += [
            ((count, channels, side, side), np.float16)
            for channels, side in zip(teacher.channels, sides, strict=True)
        ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def read(photo: Path) -> Bytes:
            return resize_photo(read_photo(photo), (size, size))

        def compute(start: int, end: int) -> list[np.ndarray]:
            shown = np.stack(list(pool.map(read, photos[start:end])))
            return teacher.look(shown, features=features)

        return kept_rows(paths, kinds, compute, "teacher's maps", teacher.batch)
