"""Photos without masks, on which a teacher's maps are learned: ``--unlabeled DIR``."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from common.errors import InputError
from common.files import sha256
from common.images.photo_files import is_picture, listed
from common.images.photos import read_photo, resize_photo
from samnet.data.packed import PackedPairs
from samnet.training.cached_rows import kept_rows
from samnet.training.teacher_outputs import photos_key

GRID = 9
"""Height and width to which a photo is reduced before neighbors are compared."""

STEP = 2
"""Gray levels by which a neighbor has to be brighter, so that noise in flat parts says nothing."""

BITS = 2 * GRID * (GRID - 1)

NEAR = 10
"""Bits of the hash in which two photos of one picture may differ: saved anew, smaller, larger."""


@dataclasses.dataclass(frozen=True)
class UnlabeledSet:
    """The photos of a folder.

    Args:
        folder: where they were found.
        photos: all of them, sorted.
        left_out: numbers of those that are held-out photos, and which these are.
    """

    folder: Path
    photos: tuple[Path, ...]
    left_out: dict[int, Path]

    def describe(self) -> dict[str, Any]:
        """Describe the set for a run's record."""
        return {
            "name": self.folder.resolve().name,
            "photos": len(self.photos) - len(self.left_out),
            "left_out": len(self.left_out),
            "content": photos_key(self.photos),
        }


def find_unlabeled(
    folders: Sequence[Path], held_out: Sequence[Path], cache: Path
) -> list[UnlabeledSet]:
    """Find the photos of folders and all folders in them, without those that are held out.

    A photo is a held-out one if it has its bytes, or if its hash is near: the same picture in
    another size or saved anew.

    Args:
        folders: folders with photos somewhere in them.
        held_out: photos that nothing may be learned from.
        cache: folder for the hashes.

    Raises:
        InputError: if a folder does not exist or has no photo that may be learned from, or a
            photo cannot be read.
    """
    held_hashes = _hashes(held_out, cache)
    held_bytes = {sha256(path): path for path in held_out}
    sizes = {path.stat().st_size for path in held_out}
    found, seen = [], set[Path]()
    for folder in folders:
        photos = [path for path in photos_in(folder) if path.resolve() not in seen]
        seen |= {path.resolve() for path in photos}
        left_out = _near(_hashes(photos, cache), held_hashes, held_out) if photos else {}
        for i, photo in enumerate(photos):
            if photo.stat().st_size in sizes and (same := held_bytes.get(sha256(photo))):
                left_out[i] = same
        if len(left_out) == len(photos):
            raise InputError(
                f"{folder}: none of its {len(photos)} photos may be learned from, all are held "
                "out or in a folder named before; leave the folder away"
            )
        found.append(UnlabeledSet(folder, tuple(photos), left_out))
    return found


def photos_in(folder: Path) -> list[Path]:
    """Find all photos in a folder and the folders in it, sorted; hidden ones are passed over.

    Raises:
        InputError: if there is no such folder, or no photo in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --unlabeled takes folders of photos")
    photos = [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and is_picture(path)
    ]
    if not photos:
        raise InputError(f"{folder}: no photo in it or below; expected files such as .jpg or .png")
    return photos


def notice_of(sets: Sequence[UnlabeledSet]) -> str:
    """Write a line that names what was left out; empty where nothing was."""
    pairs = [
        f"{one.photos[i]} (held out as {held})"
        for one in sets
        for i, held in sorted(one.left_out.items())
    ]
    return f"left out of the unlabeled photos: {listed(pairs)}" if pairs else ""


def numbers(sets: Sequence[UnlabeledSet], first: int) -> torch.Tensor:
    """Give numbers to all photos that may be learned from, counted from ``first`` over the sets."""
    kept: list[int] = []
    for one in sets:
        kept += [first + i for i in range(len(one.photos)) if i not in one.left_out]
        first += len(one.photos)
    return torch.tensor(kept, dtype=torch.int64)


def pack_unlabeled(one: UnlabeledSet, size: int, cache: Path) -> PackedPairs:
    """Pack the photos at a size as :func:`samnet.data.packed.pack` does; their masks are empty."""

    def read(photo: Path) -> NDArray[np.uint8]:
        return resize_photo(read_photo(photo), (size, size))

    path = cache / f"{photos_key(one.photos)}_{size}_photos.npy"
    count = len(one.photos)
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def compute(start: int, end: int) -> list[np.ndarray]:
            return [np.stack(list(pool.map(read, one.photos[start:end])))]

        kinds = [((count, size, size, 3), np.uint8)]
        (photos,) = kept_rows([path], kinds, compute, f"packing {size} px")
    return PackedPairs(photos, torch.zeros(1, 1, 1, dtype=torch.uint8).expand(count, size, size))


def difference_hash(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tell which neighbors in a photo (H, W, 3) are brighter, from coarse gray: (BITS / 8,) uint8.

    Source: N. Krawetz, "Kind of Like That" (2013), in both directions and with a step.
    """
    gray = resize_photo(photo, (GRID, GRID)).astype(np.float32).mean(axis=2)
    across = gray[:, 1:] - gray[:, :-1] > STEP
    down = gray[1:] - gray[:-1] > STEP
    return np.packbits(np.concatenate([across.ravel(), down.ravel()]))


def _hashes(photos: Sequence[Path], cache: Path) -> NDArray[np.uint8]:
    path = cache / f"{photos_key(photos)}_hashes.npy"
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def compute(start: int, end: int) -> list[np.ndarray]:
            return [np.stack(list(pool.map(_hash, photos[start:end])))]

        kinds = [((len(photos), BITS // 8), np.uint8)]
        (hashes,) = kept_rows([path], kinds, compute, "comparing photos")
    return np.asarray(hashes.numpy())


def _hash(path: Path) -> NDArray[np.uint8]:
    return difference_hash(read_photo(path))


def _near(
    hashes: NDArray[np.uint8], held: NDArray[np.uint8], paths: Sequence[Path]
) -> dict[int, Path]:
    """Find the hashes that are near one of those held out, and its path."""
    left_out: dict[int, Path] = {}
    for i, own in enumerate(hashes):
        distances = np.bitwise_count(held ^ own).sum(axis=1)
        nearest = int(distances.argmin())
        if distances[nearest] <= NEAR:
            left_out[i] = paths[nearest]
    return left_out
