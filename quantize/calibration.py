"""The photos on which activation ranges are observed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from common.errors import InputError
from common.images.photo_files import find_photos
from common.images.photos import Bytes, read_photo, resize_photo
from samnet.networks.preprocessing import Preprocessing

SMALLEST_CROP = 0.5
"""Side of the smallest crop, as a share of the photo's."""

FEWEST_PHOTOS = 8
"""With fewer, ranges are those of a few pictures; crops of the same ones do not make up for it."""

PLAIN = 8
"""Photos whose bytes differ by no more in any channel are of one color."""

KEPT_BACK = 16
"""Photos that a program is compared with the float network on; more find no more."""


@dataclasses.dataclass(frozen=True)
class CalibrationSet:
    """Photos at the network's input size.

    Args:
        photos: (N, S, S, 3) uint8.
        seed: seed of the crops.
    """

    photos: Bytes
    seed: int

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def sha256(self) -> str:
        """Of the size and the bytes of all photos, in order; 64 hexadecimal digits."""
        digest = hashlib.sha256(repr(self.photos.shape).encode())
        digest.update(self.photos.tobytes())
        return digest.hexdigest()

    @property
    def plain(self) -> int:
        """How many of the photos are of one color, which shows a network's ranges hardly at all."""
        pixels = self.photos.reshape(len(self), -1, 3)
        return int((np.ptp(pixels, 1).max(1) <= PLAIN).sum())

    def check_colors(self, unless: str = "") -> None:
        """Make sure that at least half of the photos have more than one color.

        Args:
            unless: continues the advice of the error, such as ``, or pass --allow-loss``.

        Raises:
            InputError: if most are of one color.
        """
        if 2 * self.plain > len(self):
            raise InputError(
                f"{self.plain} of {len(self)} photos calibrated on are of one color; calibrate on "
                f"a hundred photos like those to come{unless}; nothing was written"
            )

    def describe(self) -> dict[str, Any]:
        """Describe what a program keeps of it: count, seed and hash."""
        return {"count": len(self), "seed": self.seed, "sha256": self.sha256}

    def tensors(self, preprocessing: Preprocessing) -> Iterator[Tensor]:
        """Yield the network's inputs one by one, each (1, 3, S, S)."""
        for photo in self.photos:
            yield normalize(photo, preprocessing)


def normalize(photo: Bytes, preprocessing: Preprocessing) -> Tensor:
    """Turn a photo (S, S, 3) uint8 into the network's input (1, 3, S, S)."""
    x = torch.from_numpy(photo.astype(np.float32)).permute(2, 0, 1)[None].contiguous()
    return (x / 255 - preprocessing.mean) / preprocessing.std


def calibration_set(
    photos: Sequence[Bytes], count: int, size: int, *, seed: int = 0
) -> CalibrationSet:
    """Collect every photo whole, then random crops of them until there are ``count``.

    Crops are mirrored at random. If there are more photos than ``count``, a random choice of
    them is taken.

    Args:
        photos: each (H, W, 3) uint8, of any size.
        count: how many inputs to make.
        size: height and width of each in pixels.
        seed: the same seed and photos give the same bytes.

    Raises:
        InputError: if there are no photos or ``count`` is not positive.
    """
    if not photos:
        raise InputError("no photos to calibrate on; give at least one, better a hundred")
    if count < 1:
        raise InputError(f"calibration count {count}; expected at least 1, better 100 or more")
    generator = np.random.default_rng(seed)
    chosen = sorted(generator.permutation(len(photos))[:count])
    made = [resize_photo(photos[i], (size, size)) for i in chosen]
    while len(made) < count:
        crop = _random_crop(photos[len(made) % len(photos)], generator)
        made.append(resize_photo(crop, (size, size)))
    return CalibrationSet(np.stack(made), seed)


def read_photos(paths: Sequence[str | Path], count: int) -> list[Bytes]:
    """Read at most ``count`` photos of the given files and folders, evenly spread over them.

    Raises:
        InputError: if there are fewer than ``FEWEST_PHOTOS``, or one cannot be read.
    """
    return [read_photo(path) for path in _spread(_enough(paths, count), count)]


def read_and_keep_back(
    paths: Sequence[str | Path], count: int, size: int
) -> tuple[list[Bytes], list[Bytes]]:
    """Read what :func:`read_photos` does, and other photos that show what calibration made.

    Where no others are left, every eighth of the photos is kept from calibration.

    Args:
        paths: files and folders.
        count: the most to calibrate on.
        size: S; those kept back are reduced to it.

    Returns:
        Photos (H, W, 3) uint8 to calibrate on, and at most ``KEPT_BACK`` of (S, S, 3).

    Raises:
        InputError: as :func:`read_photos`.
    """
    found = _enough(paths, count)
    chosen = _spread(found, count)
    others = sorted(set(found) - set(chosen), key=found.index)
    if not others:
        others = found[FEWEST_PHOTOS // 2 :: FEWEST_PHOTOS]
    kept = _spread(others, KEPT_BACK)
    chosen = [path for path in chosen if path not in kept]
    small = [resize_photo(read_photo(path), (size, size)) for path in kept]
    return [read_photo(path) for path in chosen], small


def _enough(paths: Sequence[str | Path], count: int) -> list[Path]:
    found = find_photos(paths)
    if min(count, len(found)) < FEWEST_PHOTOS:
        raise InputError(
            f"{min(count, len(found))} photos to calibrate on; expected at least {FEWEST_PHOTOS}, "
            "better a hundred: activation ranges of fewer do not hold for others"
        )
    return found


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    step = max(1, len(paths) / max(1, count))
    return [paths[int(i * step)] for i in range(min(count, len(paths)))]


def _random_crop(photo: Bytes, generator: np.random.Generator) -> Bytes:
    height, width = photo.shape[:2]
    share = generator.uniform(SMALLEST_CROP, 1)
    h, w = max(1, round(height * share)), max(1, round(width * share))
    top = int(generator.integers(height - h + 1))
    left = int(generator.integers(width - w + 1))
    crop = photo[top : top + h, left : left + w]
    return np.ascontiguousarray(crop[:, ::-1] if generator.random() < 0.5 else crop)
