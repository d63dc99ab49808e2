"""Scales gray pictures of more than 8 bits to bytes, by the white level of their file."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.errors import InputError
from common.input_notice import notice

BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
MAX_SAMPLE_VALUES = (341, 281)
"""Tags of a TIFF file."""

DARK = 16
"""A picture that ends below this part of its range is stored with fewer bits than it has room
for, or nearly black."""


@dataclasses.dataclass(frozen=True)
class Levels:
    """A gray picture.

    Args:
        values: (H, W) uint8, 255 is white.
        highest: the highest value in the file.
        white: what would be white in the file.
    """

    values: NDArray[np.uint8]
    highest: float
    white: float


def is_deep(image: Image.Image) -> bool:
    """Tell whether a picture holds gray values that are no bytes."""
    return image.mode == "F" or image.mode.startswith("I")


def read_levels(image: Image.Image, path: str | Path, *, dark: bool) -> Levels:
    """Scale a picture of 12, 16 or 32 bits or floating point by what its file says.

    Integers of up to 16 bits are taken to use their range, floating point to be in 0 to 1. Where
    that cannot be, the file may name its highest value: the tags (S)MaxSampleValue of TIFF, the
    chunk sBIT of PNG.

    Args:
        image: image of a mode such as ``I;16``, ``I`` or ``F``.
        path: path of the file, for messages; the file is asked for its chunks.
        dark: whether it may be nearly black, as a map may that shows nothing.

    Raises:
        InputError: if what is white cannot be known.
    """
    values = np.asarray(image)
    white = _white(image)
    if image.mode == "I" and white == 2**32 - 1:
        values = values.view(np.uint32)  # Pillow has signed integers alone
    if not np.isfinite(values).all():
        raise InputError(f"{path}: holds values that are no numbers, expected 0 to 1; mend it")
    lowest, highest = float(values.min()), float(values.max())
    told = _told_white(image, path)
    if not highest <= told:
        told = 0.0
    if lowest < 0 or (image.mode == "F" and highest > 1 and not told):
        raise InputError(
            f"{path}: holds values from {lowest:.4g} to {highest:.4g}, expected floating point "
            "in 0 to 1 or integers from 0; scale them and save it with 8 or 16 bits"
        )
    if image.mode == "F":
        white = told if highest > 1 else 1.0
    elif 0 < highest < white / DARK:
        if told:
            white = told
        elif not dark or white > 65535:
            raise InputError(
                f"{path}: holds values up to {highest:.0f} of {white:.0f}, nearly black; if it has "
                "fewer bits than its file, scale it to the whole range or save it with 8 bits"
            )
    elif 0 < highest < white / 4 and not dark:
        notice(f"{path}: holds values up to {highest:.0f} of {white:.0f}; read as a dark photo")
    if image.format == "TIFF" and _tag(image, PHOTOMETRIC, 1) == 0 and image.mode != "F":
        values = int(white) - values.astype(np.int64)  # Pillow turns 8 bits round, no others
    return Levels(_bytes(values, white), highest, white)


def _bytes(values: np.ndarray, white: float) -> NDArray[np.uint8]:
    if white == 65535:
        return (values >> 8).astype(np.uint8)
    return np.rint(values.astype(np.float64) * (255 / white)).astype(np.uint8)


def _white(image: Image.Image) -> float:
    """Return the highest value that integers of the file's kind have."""
    if image.format == "TIFF":
        bits = int(_tag(image, BITS_PER_SAMPLE, 16))
        signed = int(_tag(image, SAMPLE_FORMAT, 1)) == 2
        return float(2 ** (bits - 1) - 1 if signed else 2**bits - 1)
    if image.mode.startswith("I;16") or image.format in ("PPM", "PNG"):
        return 65535.0
    return float(2**31 - 1)


def _told_white(image: Image.Image, path: str | Path) -> float:
    """Return the highest value that the file itself names; 0 if it names none."""
    if image.format == "TIFF":
        return next((float(v) for tag in MAX_SAMPLE_VALUES if (v := _tag(image, tag, 0))), 0.0)
    if image.format == "PNG" and Path(path).is_file():
        bits = _significant_bits(Path(path))
        return float(2**bits - 1) if 0 < bits < 16 else 0.0
    return 0.0


def _tag(image: Image.Image, tag: int, default: float) -> float:
    value = image.tag_v2.get(tag, default)  # type: ignore[attr-defined]
    return float(value[0] if isinstance(value, tuple) else value)


def _significant_bits(path: Path) -> int:
    """Read what the chunk sBIT of a PNG file says; 0 if there is none."""
    with open(path, "rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"sBIT":
                return file.read(1)[0]
            if kind == b"IDAT":
                break
            file.seek(length + 4, 1)
    return 0
