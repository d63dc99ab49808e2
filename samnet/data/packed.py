"""Photos and masks at one size, as bytes in memory-mapped arrays.

Decoding and resizing JPEG files costs more than a training step on a small network. It is done
once; training then reads bytes, on a GPU directly from its memory.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge_apps.errors import InputError
from edge_apps.files import replacing
from edge_apps.photos import read_map, read_photo, resize_map, resize_photo
from samnet.data.arrays import new_array
from samnet.data.layouts import Pair
from samnet.progress import progress


@dataclasses.dataclass(frozen=True)
class PackedPairs:
    """Pairs at one size.

    Args:
        photos: (count, size, size, 3) uint8.
        masks: (count, size, size) uint8, 255 is salient.
    """

    photos: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.photos)

    def batch(self, index: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Some pairs on a device: (N, 3, size, size) and (N, 1, size, size), both uint8."""
        index = index.to(self.photos.device)
        photos = self.photos[index].to(device, non_blocking=True).permute(0, 3, 1, 2)
        masks = self.masks[index].to(device, non_blocking=True).unsqueeze(1)
        return photos, masks

    def to(self, device: torch.device) -> PackedPairs:
        """The same pairs in the memory of a device."""
        return PackedPairs(self.photos.to(device), self.masks.to(device))


def fingerprint(pairs: Sequence[Pair], size: int) -> str:
    """Names pairs at a size; changes when a file is replaced."""
    digest = hashlib.sha256(f"{size}".encode())
    for pair in pairs:
        for path in (pair.photo, pair.mask):
            status = path.stat()
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _read(pair: Pair, size: int) -> tuple[np.ndarray, np.ndarray]:
    photo, mask = read_photo(pair.photo), read_map(pair.mask)
    if photo.shape[:2] != mask.shape:
        raise InputError(
            f"{pair.photo}: {photo.shape[1]}x{photo.shape[0]} px, its mask "
            f"{mask.shape[1]}x{mask.shape[0]}; run python -m samnet.data.check on the data set"
        )
    return resize_photo(photo, (size, size)), resize_map(mask, (size, size))


def pack(pairs: Sequence[Pair], size: int, cache: Path) -> PackedPairs:
    """Reads pairs at a size, from the cache if they were packed before.

    Args:
        pairs: photos and masks; both are resized to (size, size) without keeping the aspect.
        size: height and width in pixels.
        cache: folder for the packed arrays, (4 * size * size) bytes a pair.

    Raises:
        InputError: if a file cannot be read, sizes of a pair differ or the cache is unwritable.
    """
    path = cache / f"{fingerprint(pairs, size)}.npy"
    if not path.exists():
        shape = (len(pairs), size, size, 4)
        with (
            replacing(path) as temporary,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            array = new_array(temporary, np.uint8, shape)
            results = pool.map(lambda pair: _read(pair, size), pairs)
            for i, (photo, mask) in enumerate(progress(results, len(pairs), f"packing {size} px")):
                array[i, ..., :3], array[i, ..., 3] = photo, mask
            array.flush()
    # Copy-on-write: torch wants writable memory, the file must stay as it is.
    packed = torch.from_numpy(np.load(path, mmap_mode="c"))
    return PackedPairs(packed[..., :3], packed[..., 3])
