"""Photos and masks at one size, as bytes in memory-mapped arrays.

Decoding and resizing JPEG files costs more than a training step on a small network. It is done
once; training then reads bytes, on a GPU directly from its memory.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from common.errors import InputError
from common.files import replacing, sha256
from common.images.photos import read_map, read_photo, resize_map, resize_photo
from common.progress import progress
from samnet.data.arrays import new_array, open_array
from samnet.data.layouts import Pair
from samnet.data.survey import size_fault

READER = 2
"""Rises when the same files are read as other pixels, so that caches are packed anew."""


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
        """Return some pairs on a device: (N, 3, size, size) and (N, 1, size, size), both uint8."""
        index = index.to(self.photos.device)
        photos = self.photos[index].to(device, non_blocking=True).permute(0, 3, 1, 2)
        masks = self.masks[index].to(device, non_blocking=True).unsqueeze(1)
        return photos, masks

    def to(self, device: torch.device) -> PackedPairs:
        """Return the same pairs in the memory of a device."""
        masks = self.masks
        if masks.stride(0) == 0:  # one mask for all
            return PackedPairs(self.photos.to(device), masks[:1].to(device).expand(masks.shape))
        return PackedPairs(self.photos.to(device), masks.to(device))


def fingerprint(pairs: Sequence[Pair], size: int) -> str:
    """Name pairs at a size by what is in their files.

    Raises:
        InputError: if a file cannot be read.
    """
    digest = hashlib.sha256(f"{READER} {size}".encode())
    paths = [path for pair in pairs for path in (pair.photo, pair.mask)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for content in pool.map(_content, paths):
            digest.update(content.encode())
    return digest.hexdigest()[:16]


def _content(path: Path) -> str:
    try:
        status = path.stat()
        return _hash(path.resolve(), status.st_ino, status.st_size, status.st_ctime_ns)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


@functools.lru_cache(maxsize=1 << 18)
def _hash(path: Path, *state: int) -> str:
    """Hash a file in a state; a phase after the first does not read it for this again."""
    return sha256(path)


def _read(pair: Pair, size: int) -> tuple[np.ndarray, np.ndarray]:
    photo, mask = read_photo(pair.photo), read_map(pair.mask)
    if fault := size_fault(pair, photo.shape[1::-1], mask.shape[::-1]):
        raise InputError(fault)
    return resize_photo(photo, (size, size)), resize_map(mask, (size, size))


def pack(pairs: Sequence[Pair], size: int, cache: Path) -> PackedPairs:
    """Read pairs at a size, from the cache if the same files were packed before.

    A file of the cache that was cut or replaced is packed anew.

    Args:
        pairs: photos and masks; both are resized to (size, size) without keeping the aspect.
        size: height and width in pixels.
        cache: folder for the packed arrays, (4 * size * size) bytes a pair.

    Raises:
        InputError: if a file cannot be read, sizes of a pair differ or the cache is unwritable.
    """
    path = cache / f"{fingerprint(pairs, size)}.npy"
    shape = (len(pairs), size, size, 4)
    packed = open_array(path, np.uint8, shape)
    if packed is None:
        with (
            replacing(path, overwrite=True) as temporary,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            array = new_array(temporary, np.uint8, shape)
            results = pool.map(lambda pair: _read(pair, size), pairs)
            for i, (photo, mask) in enumerate(progress(results, len(pairs), f"packing {size} px")):
                array[i, ..., :3], array[i, ..., 3] = photo, mask
            array.flush()
        packed = open_array(path, np.uint8, shape)
        if packed is None:
            raise InputError(f"{path}: cannot be read back; choose another --cache")
    both = torch.from_numpy(packed)
    return PackedPairs(both[..., :3], both[..., 3])
