"""What people pass as a photo: taken with the right pixels, or refused in a line that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.images.photos import read_photo
from edge_apps.photo_inputs import ORIENTATION, accept
from edge_apps.runtime import Segmenter, load

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
Gray = RGB[..., 0]
ALPHA = np.dstack((RGB, np.full((20, 30), 255, np.uint8)))
WHITE = np.full((20, 30, 3), 255, np.uint8)


def on_white(pixels: np.ndarray, alpha: int) -> np.ndarray:
    return np.asarray(
        Image.alpha_composite(
            Image.new("RGBA", (30, 20), "white"),
            Image.fromarray(np.dstack((pixels, np.full((20, 30), alpha, np.uint8)))),
        )
    )[..., :3]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (RGB, RGB),
        (np.asfortranarray(RGB), RGB),
        (RGB[:, ::-1], RGB[:, ::-1]),
        (RGB[::2, 3:-1, ::-1], RGB[::2, 3:-1, ::-1]),
        (np.repeat(RGB, 2, axis=1)[:, ::2], RGB),
        (Gray, np.dstack([Gray] * 3)),
        (Gray.T, np.dstack([Gray.T] * 3)),
        (Gray[..., None], np.dstack([Gray] * 3)),
        (ALPHA, RGB),
        (np.dstack((RGB, np.zeros_like(Gray))), WHITE),
        (np.dstack((RGB, np.full_like(Gray, 77))), on_white(RGB, 77)),
        (np.dstack((Gray, np.zeros_like(Gray))), WHITE),
        (np.dstack((Gray, np.full_like(Gray, 255))), np.dstack([Gray] * 3)),
        (np.ma.masked_array(RGB), RGB),
    ],
)
def test_arrays_of_bytes_are_taken(given: np.ndarray, expected: np.ndarray) -> None:
    photo = accept(given).photo
    assert photo.dtype == np.uint8 and photo.flags.c_contiguous
    assert (photo == expected).all()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (None, "photo is None, as cv2.imread gives"),
        (RGB.astype(np.float32), "float32, 0 to 255; .*round"),
        (RGB / 255, r"float64, 0 to 1; .*\(255 \* photo\)"),
        (RGB / 127.5 - 1, "undo its normalization"),
        (RGB * np.nan, "float64, nan to nan; expected"),
        (RGB.astype(np.uint16) * 257, "uint16, 0 to 65535; .*scale it to 0 to 255"),
        (RGB.astype(np.int64), "int64, 0 to 255"),
        (RGB > 100, "bool; .*a mask is no photo"),
        (RGB.astype(object), "type object"),
        (RGB[None], r"\(1, 20, 30, 3\) .*call once for each"),
        (RGB.transpose(2, 0, 1), r"channels come last: photo.transpose\(1, 2, 0\)"),
        (np.dstack((RGB, RGB)), r"\(20, 30, 6\)"),
        (np.zeros((0, 30, 3), np.uint8), r"\(0, 30, 3\)"),
        (np.uint8(3), r"shape \(\)"),
        ([RGB, RGB], "a list of 2; .*call once for each"),
        ((), "a tuple of 0"),
        (b"\xff\xd8\xff", r"3 bytes; .*Image.open\(io.BytesIO"),
        (7, "of type int; expected an array"),
        ({"photo": RGB}, "of type dict"),
        ("https://example.org/a.jpg", "https://example.org/a.jpg: is a URL; .*download"),
        ("absent.jpg", "absent.jpg: no such file"),
        (Path("absent.jpg"), "absent.jpg: no such file"),
    ],
)
def test_anything_else_is_refused_in_a_line(given: Any, line: str) -> None:
    with pytest.raises(InputError, match=line) as refused:
        accept(given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_an_image_of_pillow_is_what_its_file_is(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    if mode == "I;16":
        image = Image.fromarray(Gray.astype(np.uint16) * 257)
    elif mode in ("LA", "RGBA"):
        image = Image.fromarray(np.dstack((RGB, Gray))).convert(mode)
    else:
        image = image.convert(mode)
    path = tmp_path / "photo.tif"
    image.save(path)
    assert (accept(image).photo == read_photo(path)).all()
    with Image.open(path) as lazy:
        assert (accept(lazy).photo == read_photo(path)).all()


def test_a_path_is_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(RGB).save(path)
    assert (accept(str(path)).photo == RGB).all() and (accept(path).photo == RGB).all()


def test_a_tensor_is_an_array() -> None:
    torch = pytest.importorskip("torch")
    assert (accept(torch.from_numpy(RGB)).photo == RGB).all()
    with pytest.raises(InputError, match=r"Tensor that is no array \(.*expected an array"):
        accept(torch.zeros(2, 2, 3, requires_grad=True))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_image_is_seen_upright_and_its_map_lies_on_its_pixels(
    orientation: int, fake_segmenter: Segmenter
) -> None:
    size = fake_segmenter.size
    pixels = np.zeros((size, 2 * size, 3), np.uint8)
    pixels[: size // 4, : size // 2] = 200
    image = Image.fromarray(pixels)
    image.getexif()[ORIENTATION] = orientation
    upright = accept(image).photo
    assert upright.shape[:2] == ((size, 2 * size) if orientation < 5 else (2 * size, size))
    saliency_map = fake_segmenter(image)
    assert saliency_map.shape == (size, 2 * size)
    assert (
        saliency_map[0, 0] > 150
        and saliency_map[-1, 0] == saliency_map[0, -1] == saliency_map[-1, -1] == 0
    )


def test_a_damaged_image_of_pillow_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(RGB).save(path)
    path.write_bytes(path.read_bytes()[:-400])
    with Image.open(path) as image, pytest.raises(InputError, match=r"30x20 pixels that cannot"):
        accept(image)


def test_a_segmenter_takes_them_all(tflite: Path, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(RGB).save(path)
    segment = load(tflite, threads=1)
    expected = segment(RGB)
    frozen = RGB.copy()
    frozen.flags.writeable = False
    for given in (path, str(path), Image.fromarray(RGB), ALPHA, np.asfortranarray(RGB), frozen):
        assert (segment(given) == expected).all()
    with pytest.raises(InputError, match="expected"):
        segment(RGB / 255)
