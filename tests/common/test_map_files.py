"""Maps and masks of every kind that users bring hold the same values, or are refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.images.photos import cutout, read_map, read_map_file

MASK = np.zeros((40, 60), np.uint8)
MASK[8:30, 10:34] = 255
SOFT = np.linspace(0, 255, MASK.size).astype(np.uint8).reshape(MASK.shape)
NOISE = np.random.default_rng(0).integers(0, 256, (*MASK.shape, 3), dtype=np.uint8)


def palette(indices, *colors):
    image = Image.fromarray(indices, "P")
    image.putpalette([level for color in colors for level in color])
    return image


KINDS = {
    "gray": Image.fromarray(MASK),
    "1 bit": Image.fromarray(MASK > 0),
    "16 bits": Image.fromarray(MASK.astype(np.uint16) * 257),
    "color of grays": Image.fromarray(MASK).convert("RGB"),
    "palette of grays": palette(MASK // 255, (0, 0, 0), (255, 255, 255)),
    "white with opacity": Image.fromarray(cutout(np.full_like(NOISE, 255), MASK)),
    "cut-out": Image.fromarray(cutout(NOISE, MASK)),
    "gray with opacity": Image.merge("LA", [Image.new("L", (60, 40), 255), Image.fromarray(MASK)]),
    "opaque": Image.merge("LA", [Image.fromarray(MASK), Image.new("L", (60, 40), 255)]),
    "half opaque": Image.merge("LA", [Image.fromarray(MASK), Image.new("L", (60, 40), 128)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_holds_the_mask(tmp_path, kind):
    KINDS[kind].save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_map(tmp_path / "a.png"), MASK)
    from_alpha = kind in ("white with opacity", "cut-out", "gray with opacity")
    assert read_map_file(tmp_path / "a.png").from_alpha == from_alpha


def test_palettes_may_have_transparent_colors(tmp_path):
    image = palette(MASK // 255, (0, 0, 0), (128, 0, 0))
    image.save(tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(read_map(tmp_path / "a.png"), MASK)


def test_a_transparent_gray_is_background(tmp_path):
    Image.fromarray(SOFT).save(tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(read_map(tmp_path / "a.png"), SOFT)


def test_floating_point_in_0_to_1(tmp_path):
    Image.fromarray(SOFT.astype(np.float32) / 255).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_map(tmp_path / "a.tif"), SOFT)
    Image.fromarray(SOFT.astype(np.float32)).save(tmp_path / "b.tif")
    with pytest.raises(InputError, match=r"b\.tif: holds values from 0 to 255, expected"):
        read_map(tmp_path / "b.tif")


def test_what_is_white_in_the_file_is_kept(tmp_path):
    Image.fromarray(MASK // 255).save(tmp_path / "8.png")
    Image.fromarray((MASK // 255).astype(np.uint16)).save(tmp_path / "16.png")
    for name, white in (("8.png", 255), ("16.png", 65535)):
        found = read_map_file(tmp_path / name)
        assert (found.highest, found.white) == (1, white)


def test_masks_are_turned_as_photos_are(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(MASK).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_map(tmp_path / "a.png"), np.rot90(MASK, -1))


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (Image.fromarray(NOISE), "a color picture"),
        (Image.fromarray(MASK[..., None] * np.uint8([1, 0, 0])), r"brightest 76 of 255"),
        (palette(MASK // 255, (0, 0, 0), (128, 0, 0)), "the values 0, 1 in palette colors"),
    ],
)
def test_colors_are_no_map(tmp_path, picture, message):
    picture.save(tmp_path / "a.png")
    with pytest.raises(InputError, match=message) as refused:
        read_map(tmp_path / "a.png")
    assert "white on black" in str(refused.value)


def test_what_jpeg_makes_of_gray_is_gray(tmp_path):
    Image.fromarray(SOFT).convert("RGB").save(tmp_path / "a.jpg", quality=60)
    assert np.abs(read_map(tmp_path / "a.jpg").astype(int) - SOFT).max() < 8
