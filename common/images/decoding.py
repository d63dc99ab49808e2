"""Picture files decoded with Pillow: whole, upright and of a size that memory holds."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import math
import os
import threading
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from common.containers import PICTURES, kind_of_bytes
from common.errors import InputError
from common.images.color_profile import CICP, cicp_of
from common.images.input_file import open_input, unreadable
from common.images.jpeg_end import without_end
from common.input_notice import notice

MEGAPIXELS = 180.0
"""A larger picture is read in reduced form, or refused where its format allows none."""

VARIABLE = "SAMNET_MEGAPIXELS"
"""Environment variable that replaces ``MEGAPIXELS`` for every command."""

HEIC = frozenset({".heic", ".heif"})
"""Suffixes of what needs pillow-heif, in lower case."""

WIDE = "wide"
"""Key of ``Image.info``: whether the file holds 16 bits a sample, of which colors keep 8."""

HEAD = 1 << 20
"""Bytes at the start of a PNG file in which its colors are described, by a profile or numbers."""

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_LOCK = threading.Lock()


def open_picture(path: str | Path, megapixels: float | None = None) -> Image.Image:
    """Decode all of a picture, turned as its EXIF orientation says, in the mode of its file.

    Args:
        path: a file, ``-`` for standard input, ``/dev/fd/N`` or a named pipe.
        megapixels: the most that is read at full size; None takes what the environment says, or
            ``MEGAPIXELS``.

    Raises:
        InputError: if it is missing, truncated, too large or no picture.
    """
    limit = _limit(megapixels)
    source = open_input(path)
    try:
        return _decode(source, path, limit)
    except InputError:
        raise
    except Exception as error:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and others on
        # damaged files, and document none of them.
        reason = error
    data = _bytes(source, path)
    whole = without_end(data, lambda file: _decode(file, path, limit))
    if whole is None:
        raise InputError(f"{path}: {_fault(data, reason)}") from reason
    return whole


def picture_size(path: str | Path) -> tuple[int, int]:
    """Read width and height of an upright picture, most often without decoding it.

    Raises:
        InputError: if it is missing or no picture.
    """
    source = open_input(path)
    try:
        with contextlib.closing(_opened(source)) as image:
            width, height = image.size
            # Pillow turns the sizes of TIFF files by itself.
            turned = image.format != "TIFF" and _orientation(image) >= 5
        return (height, width) if turned else (width, height)
    except Exception:
        return open_picture(path).size


def orientation_of(path: str | Path) -> int:
    """Read the EXIF orientation of a picture, 1 to 8; 1 where it says none.

    Raises:
        InputError: if the file is missing or no picture.
    """
    source = open_input(path)
    try:
        with contextlib.closing(_opened(source)) as image:
            return _orientation(image)
    except Exception as error:
        raise InputError(f"{path}: {_fault(_bytes(source, path), error)}") from error


@functools.cache
def reads_heic() -> bool:
    """Tell whether pillow-heif is there; HEIC files are read from then on."""
    if importlib.util.find_spec("pillow_heif") is None:
        return False
    import pillow_heif

    pillow_heif.register_heif_opener()
    return True


def _limit(megapixels: float | None) -> float:
    if megapixels is None:
        text = os.environ.get(VARIABLE, "")
        try:
            megapixels = float(text) if text else MEGAPIXELS
        except ValueError as error:
            raise InputError(f"{VARIABLE} is {text!r}, expected a number above 0") from error
    if not megapixels > 0:
        raise InputError(f"a limit of {megapixels:g} megapixels, expected a number above 0")
    return megapixels


def _decode(source: Path | io.BytesIO, path: str | Path, limit: float) -> Image.Image:
    with warnings.catch_warnings():
        # Pillow warns of what it then raises, and of harmless metadata.
        warnings.simplefilter("ignore")
        image = _opened(source)
        size = image.size
        if math.prod(size) > limit * 1e6:
            _reduce(image, path, limit)
        _tell_frames(image, path)
        _refuse_misread(image, path)
        if image.format == "PNG":
            _note_cicp(image, source)
        image.info[WIDE] = any(";16" in str(tile) for tile in getattr(image, "tile", ()))
        try:
            image.load()
        except Image.DecompressionBombError as error:
            raise InputError(_too_large(path, size, limit)) from error
        if image.size != size and math.prod(size) > limit * 1e6:
            notice(
                f"{path}: {_pixels(size)}, over the limit of {limit:g}; read at "
                f"{image.size[0]}x{image.size[1]}, the size of what is made from it. "
                f"--megapixels or, for every command, {VARIABLE} raises the limit"
            )
        # Damaged EXIF data have no orientation to follow.
        with contextlib.suppress(Exception):
            ImageOps.exif_transpose(image, in_place=True)
    return image


def _opened(source: Path | io.BytesIO) -> Image.Image:
    """Read the header; Pillow's own limit, which knows of no reduced form, is set aside."""
    if isinstance(source, io.BytesIO):
        source.seek(0)
    reads_heic()
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(source)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _refuse_misread(image: Image.Image, path: str | Path) -> None:
    """Refuse two kinds of TIFF files that Pillow decodes to other values, without a word."""
    tags = getattr(image, "tag_v2", {})
    bits, planes, signs = (tags.get(tag, (1,)) for tag in (258, 284, 339))
    wide_planes = planes == 2 and 16 in bits
    if wide_planes or (2 in signs and 8 in bits):
        kind = "separate planes of 16 bits" if wide_planes else "signed bytes"
        raise InputError(f"{path}: a TIFF file of {kind}; save it as RGB or gray of 8 or 16 bits")


def _reduce(image: Image.Image, path: str | Path, limit: float) -> None:
    """Ask the decoder for the largest reduced form below the limit.

    Raises:
        InputError: if there is none.
    """
    width, height = image.size
    for power in (1, 2, 3):
        if math.ceil(width / 2**power) * math.ceil(height / 2**power) <= limit * 1e6:
            if image.format in ("JPEG", "MPO"):
                image.draft(None, (width >> power, height >> power))
                return
            if image.format == "JPEG2000":
                image.reduce = power  # type: ignore[assignment, method-assign]
                return
    raise InputError(_too_large(path, image.size, limit))


def _too_large(path: str | Path, size: tuple[int, int], limit: float) -> str:
    return (
        f"{path}: {_pixels(size)}, expected at most {limit:g}; make it smaller, or raise the "
        f"limit by --megapixels or, for every command, the environment variable {VARIABLE}"
    )


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]} pixels, {math.prod(size) / 1e6:.0f} megapixels"


def _tell_frames(image: Image.Image, path: str | Path) -> None:
    """Say that a photo is made of the first picture alone, where a file holds several."""
    if image.format in ("MPO", "HEIF"):  # whose other pictures are previews and depths
        return
    count = getattr(image, "n_frames", 1)
    if count > 1:
        kind = "pages" if image.format == "TIFF" else "frames"
        notice(f"{path}: holds {count} {kind}; the first one is read")


def _note_cicp(image: Image.Image, source: Path | io.BytesIO) -> None:
    """Add the numbers of a PNG file's cICP chunk, which Pillow passes over."""
    if isinstance(source, io.BytesIO):
        head = source.getvalue()
    else:
        with source.open("rb") as file:
            head = file.read(HEAD)
    numbers = cicp_of(head)
    if numbers is not None:
        image.info[CICP] = numbers


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF data, of any kind
        return 1
    return value if value in range(1, 9) else 1


def _bytes(source: Path | io.BytesIO, path: str | Path) -> bytes:
    if isinstance(source, io.BytesIO):
        return source.getvalue()
    try:
        return source.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {unreadable(path, error)}") from error


def _fault(data: bytes, error: Exception) -> str:
    """Say what is wrong with a file that Pillow cannot read."""
    at = data[:16].find(b"ftyp")
    if at in (0, 4) and data[at + 4 : at + 8] in _HEIC_BRANDS:
        if reads_heic():
            return "not a readable picture, a damaged HEIC photo; replace it"
        return "a HEIC photo; pip install 'samnet[heic]' to read such, or convert it to JPEG"
    if not data:
        return "not a readable picture, an empty file; replace it"
    if kind_of_bytes(data) not in {None, *PICTURES}:
        return "a video, expected a photo; samnet run takes files of videos"
    if isinstance(error, UnidentifiedImageError):
        if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return (
                "not a readable picture: a TIFF file of a kind that Pillow does not read, such "
                "as color of 32 bits or floating point; save it with 8 or 16 bits"
            )
        return "not a readable picture; expected JPEG, PNG, WebP, TIFF or another common format"
    text = " ".join(str(error).split())
    return f"not a readable picture, or truncated ({text}); replace the file"
