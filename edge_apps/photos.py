"""Photos and maps as arrays: the one place where pictures are read, resized and written.

Every predictor resizes with the two functions of this module, so that a checkpoint and an
artefact see the same pixels and differ in nothing but the network.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from edge_apps.errors import InputError
from edge_apps.files import replacing

Bytes = NDArray[np.uint8]
"""An array of bytes; the shape is stated where it is used."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".gif"})
"""What counts as a picture in a folder, in lower case. A file named itself may have any suffix."""

TINT = (255, 32, 64)
"""RGB colour that an overlay gives to what is salient."""


def find_photos(paths: Iterable[str | Path]) -> list[Path]:
    """The pictures among files and folders, sorted and without repeats.

    A folder stands for the pictures directly inside it, without hidden files.

    Raises:
        InputError: if a path does not exist, or there is no picture at all.
    """
    given = [Path(path) for path in paths]
    found: set[Path] = set()
    for path in given:
        if path.is_dir():
            found |= {file for file in path.iterdir() if _is_picture(file)}
        elif path.exists():
            found.add(path)
        else:
            raise InputError(f"{path}: no such file or folder; give photos or folders of photos")
    if not found:
        names = ", ".join(str(path) for path in given) or "nothing"
        raise InputError(f"no photo in {names}; expected files such as .jpg, .png or .webp")
    return sorted(found)


def read_photo(path: str | Path) -> Bytes:
    """Reads a picture as it is meant to be seen.

    The EXIF orientation is applied and transparency laid over white.

    Returns:
        RGB, (H, W, 3) uint8.

    Raises:
        InputError: if the file is missing, truncated or no picture.
    """
    return photo_of(ImageOps.exif_transpose(_open(path)))


def photo_of(image: Image.Image) -> Bytes:
    """The pixels of a loaded image as RGB, (H, W, 3) uint8; transparency is laid over white."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    elif image.mode.startswith("I;16"):
        # Pillow would clip the 16 bits to 8 and leave a white photo.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return np.array(image.convert("RGB"))


def read_map(path: str | Path) -> Bytes:
    """Reads a saliency map or a mask.

    Returns:
        Grey values, (H, W) uint8; the ones of a 1-bit file become 255.

    Raises:
        InputError: if the file is missing, truncated or no picture.
    """
    return np.array(_open(path).convert("L"))


def resize_photo(photo: Bytes, size: tuple[int, int]) -> Bytes:
    """Resizes a photo (H, W, 3) to ``size`` (height, width), bilinear with Pillow."""
    return _resize(photo, size)


def resize_map(map: Bytes, size: tuple[int, int]) -> Bytes:
    """Resizes a map (H, W) to ``size`` (height, width), bilinear with Pillow."""
    return _resize(map, size)


def overlay(photo: Bytes, map: Bytes) -> Bytes:
    """The photo with its background dimmed to grey and what is salient tinted.

    Args:
        photo: (H, W, 3) uint8.
        map: (H, W) uint8, 255 is salient.

    Returns:
        (H, W, 3) uint8.
    """
    # Pillow is several times as fast here as NumPy, which a small CPU feels at every frame.
    image = Image.fromarray(photo)
    salient = Image.blend(image, Image.new("RGB", image.size, TINT), 0.4)
    background = image.convert("L").point(lambda grey: 0.7 * grey).convert("RGB")
    return np.array(Image.composite(salient, background, Image.fromarray(map)))


def cutout(photo: Bytes, map: Bytes) -> Bytes:
    """The photo with the map as its opacity, RGBA (H, W, 4) uint8."""
    return np.dstack((photo, map))


def write_image(path: str | Path, image: Bytes, *, overwrite: bool = False) -> None:
    """Writes a map (H, W), photo (H, W, 3) or cut-out (H, W, 4), whole or not at all.

    The suffix of ``path`` names the format.

    Raises:
        InputError: if the file exists and may not be overwritten, or cannot be written.
    """
    with replacing(path, overwrite=overwrite) as temporary:
        Image.fromarray(image).save(temporary)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _open(path: str | Path) -> Image.Image:
    """Decodes all of a file now, so that a truncated one is found here."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; give the path of a picture")
    try:
        with warnings.catch_warnings():
            # Pillow warns of what it then raises, and of harmless metadata.
            warnings.simplefilter("ignore")
            image = Image.open(path)
            image.load()
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: too large a picture ({error})") from error
    except Exception as error:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and others on
        # damaged files, and document none of them.
        raise InputError(
            f"{path}: not a readable picture, or truncated ({error}); replace the file"
        ) from error
    return image


def _resize(array: Bytes, size: tuple[int, int]) -> Bytes:
    height, width = size
    if array.shape[:2] == (height, width):
        return array
    return np.array(Image.fromarray(array).resize((width, height), Image.Resampling.BILINEAR))
