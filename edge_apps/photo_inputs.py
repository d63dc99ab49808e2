"""Accepts photos as arrays, as Pillow's images or as paths of files."""

from __future__ import annotations

import dataclasses
import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from common.errors import InputError, SamnetError
from common.images.photos import Bytes, photo_of, read_photo

Input = NDArray[Any] | Image.Image | str | os.PathLike[str]
"""What :func:`accept` takes; whatever knows to be an array, such as a tensor, counts as one."""

EXPECTED = "expected an array (H, W, 3) uint8 in RGB, an image of Pillow or a path"

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""What Pillow calls pixels of so many bytes."""

ORIENTATION = 0x0112
"""EXIF's tag of how an image is to be turned."""

BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What turns an upright picture as the pixels of an orientation lie."""

_loading = threading.Lock()
"""Pillow loads an image when its pixels are asked for, and two threads may share one."""


@dataclasses.dataclass(frozen=True)
class Accepted:
    """A photo for the network.

    Args:
        photo: RGB as it is meant to be seen, (H, W, 3) uint8, contiguous.
        orientation: EXIF's, of the pixels that were given; 1 where they are upright.
    """

    photo: Bytes
    orientation: int = 1

    def placed(self, saliency_map: Bytes) -> Bytes:
        """Turn a map of the photo as the pixels that were given lie."""
        if self.orientation not in BACK:
            return saliency_map
        return np.array(Image.fromarray(saliency_map).transpose(BACK[self.orientation]))


def accept(given: object) -> Accepted:
    """Take a photo in any form that leaves no doubt about its pixels.

    An array has bytes (H, W, C), channels last: gray, gray with alpha, RGB or RGBA; (H, W) is
    gray. Alpha is laid over white as in files. An image of Pillow may have any mode and is turned
    upright for the network. A path is read by :func:`common.images.photos.read_photo`.

    Raises:
        InputError: for anything else, such as floats, whose range may be 0…1 or 0…255.
    """
    if given is None:
        raise InputError(f"photo is None, as cv2.imread gives for lack of a file; {EXPECTED}")
    if isinstance(given, (str, os.PathLike)):
        return Accepted(read_photo(_local(os.fspath(given))))
    if isinstance(given, Image.Image):
        return _accept_image(given)
    if isinstance(given, (list, tuple)):
        raise InputError(
            f"photo is a {type(given).__name__} of {len(given)}; {EXPECTED}; call once for each"
        )
    if isinstance(given, (bytes, bytearray, memoryview)):
        raise InputError(
            f"photo is {len(given)} {type(given).__name__}; {EXPECTED}; decode a file's content "
            "with Image.open(io.BytesIO(content))"
        )
    return Accepted(_rgb(_array(given)))


def _local(path: str) -> str:
    if path.startswith(("http://", "https://", "data:")):
        raise InputError(f"{path[:80]}: is a URL; {EXPECTED}; download it first")
    return path


def _accept_image(image: Image.Image) -> Accepted:
    try:
        with _loading:
            image.load()
        orientation = image.getexif().get(ORIENTATION, 1)
        photo = photo_of(ImageOps.exif_transpose(image))
    except SamnetError:
        raise
    except Exception as error:
        # Pillow's decoders document none of the many kinds of error that damaged files raise.
        raise InputError(
            f"photo is {type(image).__name__} of {image.width}x{image.height} pixels that cannot "
            f"be read ({error}); open the file anew"
        ) from error
    return Accepted(photo, orientation)


def _array(given: Any) -> NDArray[Any]:
    """Make an array of whatever knows to be one, such as a tensor on the CPU."""
    name = type(given).__name__
    if not hasattr(given, "__array__") and not hasattr(given, "__array_interface__"):
        raise InputError(f"photo is of type {name}; {EXPECTED}")
    try:
        return np.asarray(given)
    except Exception as error:
        # Tensors on a GPU or with gradients raise errors of their own libraries.
        raise InputError(f"photo is a {name} that is no array ({error}); {EXPECTED}") from error


def _rgb(array: NDArray[Any]) -> Bytes:
    found = f"photo has shape {array.shape} and type {array.dtype}"
    if array.ndim == 4:
        raise InputError(f"{found}; {EXPECTED}; call once for each photo")
    gray = array[..., None] if array.ndim == 2 else array
    if gray.ndim != 3 or not gray.size or gray.shape[2] not in MODES:
        turn = ""
        if gray.ndim == 3 and gray.shape[0] in MODES:
            turn = "; channels come last: photo.transpose(1, 2, 0)"
        raise InputError(f"{found}; {EXPECTED}{turn}")
    if gray.dtype != np.uint8:
        raise InputError(f"{found}{_range(gray)}; {EXPECTED}{_remedy(gray)}")
    mode = MODES[gray.shape[2]]
    if mode == "RGB":
        return np.ascontiguousarray(gray)
    pixels = np.ascontiguousarray(gray[..., 0] if mode == "L" else gray)
    return photo_of(Image.frombytes(mode, (gray.shape[1], gray.shape[0]), pixels.tobytes()))


def _range(array: NDArray[Any]) -> str:
    if array.dtype.kind not in "iuf":
        return ""
    return f", {array.min():.6g} to {array.max():.6g}"


def _remedy(array: NDArray[Any]) -> str:
    """Say how values of another type become bytes, where their range tells."""
    if array.dtype.kind == "b":
        return "; a mask is no photo"
    if array.dtype.kind not in "iuf" or not np.isfinite([array.min(), array.max()]).all():
        return ""
    if array.min() < 0:
        return "; undo its normalization first"
    if array.max() <= 1:
        return "; (255 * photo).round().astype('uint8') if they are 0 to 1"
    if array.max() <= 255:
        return "; photo.round().astype('uint8') if they are 0 to 255"
    return "; scale it to 0 to 255 first"
