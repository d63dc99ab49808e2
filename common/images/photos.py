"""Reads, resizes and writes photos and maps; the only module that does.

Every predictor resizes with the two functions of this module, so that a checkpoint and an
artifact see the same pixels and differ in nothing but the network.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.errors import InputError
from common.files import replacing
from common.images.color import split_alpha, to_srgb
from common.images.color_profile import declared_profile
from common.images.decoding import WIDE, open_picture
from common.images.levels import is_deep, read_levels
from common.images.photo_files import listed
from common.input_notice import notice

Bytes = NDArray[np.uint8]
"""An array of bytes; the shape is stated where it is used."""

TINT = (255, 32, 64)
"""RGB color that an overlay gives to what is salient."""

_TINTED = [round(0.6 * level + 0.4 * tint) for tint in TINT for level in range(256)]
_DIMMED = [int(0.7 * level) for level in range(256)]
"""What an overlay makes of a byte of what is salient, by channel, and of a gray level elsewhere."""

TOLERATED_TINT = 16
"""Largest difference of the colors of a pixel that JPEG makes of a gray one."""

COLORED = 0.001
"""A larger share of colored pixels makes a picture no map."""


@dataclasses.dataclass(frozen=True)
class MapFile:
    """A saliency map or mask as its file holds it.

    Args:
        values: (H, W) uint8, 255 is salient.
        highest: the highest value in the file.
        white: the value in the file that stands for 255.
        from_alpha: whether the values are the opacity of a picture that is not opaque throughout.
    """

    values: Bytes
    highest: float
    white: float
    from_alpha: bool


def read_photo(path: str | Path, megapixels: float | None = None) -> Bytes:
    """Read a picture as it is meant to be seen.

    The EXIF orientation is applied, colors are converted to sRGB by what the file says of them,
    see :mod:`common.images.color_profile`, and transparency is laid over white. More than 8 bits
    are scaled to 8.

    Args:
        path: a file, ``-`` for standard input, ``/dev/fd/N`` or a named pipe.
        megapixels: see :func:`common.images.decoding.open_picture`.

    Returns:
        RGB, (H, W, 3) uint8; smaller than the picture where that is above the limit.

    Raises:
        InputError: if the file is missing, truncated or no picture, or what is white in it is
            unknown.
    """
    return photo_of(open_picture(path, megapixels), path)


def photo_of(image: Image.Image, name: str | Path = "photo") -> Bytes:
    """Return the pixels of a loaded image as :func:`read_photo` does, but for its orientation.

    Args:
        image: image of any mode.
        name: name for messages; the path of its file where it has one.

    Raises:
        InputError: if its values leave doubt which is white.
    """
    profile, deep = declared_profile(image, name), is_deep(image)
    if deep:
        key = image.info.get("transparency")
        alpha = None
        if isinstance(key, int):
            alpha = Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8))
        image = Image.fromarray(read_levels(image, name, dark=False).values)
    else:
        wide = image.info.get(WIDE, False)
        image, alpha = split_alpha(image)
        _check_brightness(image, name, wide=wide)
    image.info.pop("icc_profile", None)
    if profile is not None:
        image.info["icc_profile"] = profile
    try:
        photo = to_srgb(image, name)
    except Exception as error:  # Pillow's color engine is absent, or has no such conversion
        raise InputError(f"{name}: colors of kind {image.mode} cannot be read ({error})") from error
    if alpha is not None:
        if alpha.getextrema() == (0, 0):
            notice(f"{name}: transparent throughout, read as white; remove its alpha channel")
        photo = Image.composite(photo, Image.new("RGB", photo.size, "white"), alpha)
    return np.array(photo)


def read_map(path: str | Path) -> Bytes:
    """Read a saliency map or a mask.

    Returns:
        Gray values, (H, W) uint8; the ones of a 1-bit file become 255.

    Raises:
        InputError: as :func:`read_map_file`.
    """
    return read_map_file(path).values


def read_map_file(path: str | Path) -> MapFile:
    """Read a saliency map or a mask with what its file says of it.

    The opacity is the map of a picture that is not opaque throughout, as of cut-outs. More than 8
    bits are scaled as those of photos. A color profile says nothing of a map.

    Raises:
        InputError: if the file is missing, truncated, no picture, or one in color.
    """
    image = open_picture(path)
    if is_deep(image):
        levels = read_levels(image, path, dark=True)
        values, from_alpha = levels.values, False
        if isinstance(key := image.info.get("transparency"), int):
            values = np.where(np.asarray(image) == key, np.uint8(0), values)
        return MapFile(values, levels.highest, levels.white, from_alpha)
    keyed = image.mode in ("1", "L")  # whose transparent gray, if any, is background
    colors, alpha = split_alpha(image)
    if alpha is not None and not keyed and _decides(alpha):
        values, from_alpha = np.array(alpha), True
    else:
        values, from_alpha = _gray(colors, path), False
        if alpha is not None and keyed:
            values = np.minimum(values, np.asarray(alpha))
    return MapFile(values, float(values.max()), 255.0, from_alpha)


def fitting(size: tuple[int, ...], limit: tuple[int, int]) -> tuple[int, int]:
    """Compute the largest (height, width) of the same shape within ``limit``, never enlarged."""
    factor = min(1.0, limit[0] / size[0], limit[1] / size[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def resize_photo(photo: Bytes, size: tuple[int, int]) -> Bytes:
    """Resize a photo (H, W, 3) to ``size`` (height, width), bilinear with Pillow."""
    return _resize(photo, size)


def resize_map(saliency_map: Bytes, size: tuple[int, int]) -> Bytes:
    """Resize a map (H, W) to ``size`` (height, width), bilinear with Pillow."""
    return _resize(saliency_map, size)


def overlay(photo: Bytes, saliency_map: Bytes) -> Bytes:
    """Dim the photo's background to gray and tint what is salient.

    Args:
        photo: (H, W, 3) uint8.
        saliency_map: (H, W) uint8, 255 is salient.

    Returns:
        (H, W, 3) uint8, not to be written to.
    """
    # Pillow is several times as fast here as NumPy, which a small CPU feels at every frame, and
    # looking bytes up is faster than computing with them.
    image = Image.fromarray(photo)
    dimmed = image.convert("L").point(_DIMMED)
    picture = Image.merge("RGB", (dimmed, dimmed, dimmed))
    picture.paste(image.point(_TINTED), mask=Image.fromarray(saliency_map))
    return np.asarray(picture)


def cutout(photo: Bytes, saliency_map: Bytes) -> Bytes:
    """Add the map to the photo as its opacity, RGBA (H, W, 4) uint8."""
    return np.dstack((photo, saliency_map))


def write_image(path: str | Path, image: Bytes, *, overwrite: bool = False) -> None:
    """Write a map (H, W), photo (H, W, 3) or cut-out (H, W, 4), whole or not at all.

    The suffix of ``path`` names the format.

    Raises:
        InputError: if the file exists and may not be overwritten, or cannot be written.
    """
    with replacing(path, overwrite=overwrite) as temporary:
        Image.fromarray(image).save(temporary)


def _check_brightness(image: Image.Image, path: str | Path, *, wide: bool) -> None:
    """Refuse colors that were stored with 12 bits in 16, and tell of values in 0 to 1."""
    if image.mode not in ("L", "RGB"):
        return
    highest = int(np.max(image.getextrema()))
    if wide and 0 < highest < 16:
        raise InputError(
            f"{path}: holds values below {(highest + 1) * 256} of 65535, nearly black; if it has "
            "fewer bits than its file, scale it to the whole range or save it with 8 bits"
        )
    if highest == 1:
        notice(f"{path}: no value above 1 of 255, a black photo; were values in 0 to 1 meant?")


def _decides(alpha: Image.Image) -> bool:
    """Tell whether an opacity tells object from background: not the same half everywhere."""
    low, high = alpha.getextrema()
    return low != high or high == 0


def _gray(image: Image.Image, path: str | Path) -> Bytes:
    if image.mode in ("1", "L"):
        return np.array(image.convert("L"))
    colors = np.asarray(to_srgb(image, path) if image.mode == "LAB" else image.convert("RGB"))
    tint = colors.max(-1).astype(np.int16) - colors.min(-1)
    if (tint > TOLERATED_TINT).mean() > COLORED:
        found = "a color picture"
        if image.mode == "P":
            numbers = [str(index) for _, index in image.getcolors() or ()]
            found = f"the values {listed(numbers)} in palette colors"
        highest = int(np.asarray(Image.fromarray(colors).convert("L")).max())
        raise InputError(
            f"{path}: {found} (brightest {highest} of 255), expected gray from 0 to 255; write "
            "what is salient in white on black, or give the folder of masks or maps, if this is "
            "a photo"
        )
    return np.array(Image.fromarray(colors).convert("L"))


def _resize(array: Bytes, size: tuple[int, int]) -> Bytes:
    height, width = size
    if array.shape[:2] == (height, width):
        return array
    return np.array(Image.fromarray(array).resize((width, height), Image.Resampling.BILINEAR))
