from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.images.photo_files import find_photos
from common.images.photos import (
    cutout,
    overlay,
    read_map,
    read_photo,
    resize_map,
    resize_photo,
    write_image,
)


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_reads_what_was_written(tmp_path, photo):
    write_image(tmp_path / "a.png", photo)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), photo)


def test_applies_the_exif_orientation(tmp_path, photo):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise to view
    Image.fromarray(photo).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), np.rot90(photo, -1))


def test_lays_transparency_over_white(tmp_path, photo):
    alpha = np.zeros(photo.shape[:2], np.uint8)
    alpha[:20] = 255
    write_image(tmp_path / "a.png", np.dstack((photo, alpha)))
    found = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(found[:20], photo[:20])
    assert (found[20:] == 255).all()


def test_keeps_the_range_of_16_bit_photos(tmp_path):
    gray = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(gray).save(tmp_path / "a.png")
    assert np.array_equal(read_photo(tmp_path / "a.png")[..., 0], gray >> 8)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK"])
def test_reads_every_mode_as_rgb(tmp_path, photo, mode):
    Image.fromarray(photo).convert(mode).save(tmp_path / "a.tif")
    assert read_photo(tmp_path / "a.tif").shape == (40, 60, 3)


def test_ones_of_a_1_bit_mask_are_255(tmp_path):
    mask = np.eye(8, dtype=bool)
    Image.fromarray(mask).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_map(tmp_path / "a.png"), mask * np.uint8(255))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".gif", ".tif"])
@pytest.mark.parametrize("kept", [0, 10, 0.5])
def test_refuses_a_truncated_file(tmp_path, photo, suffix, kept):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(photo).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(InputError, match=r"a\.\w+: not a readable picture") as refused:
        read_photo(path)
    assert "\n" not in str(refused.value)


def test_refuses_a_missing_file_a_folder_and_a_text(tmp_path):
    (tmp_path / "text.jpg").write_text("not a photo")
    for path in (tmp_path / "none.jpg", tmp_path, tmp_path / "text.jpg"):
        with pytest.raises(InputError, match=path.name):
            read_photo(path)


def test_finds_photos_in_files_and_folders(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "c.png").touch()
    assert find_photos([tmp_path]) == [tmp_path / "a.png", tmp_path / "b.JPG"]
    assert find_photos([tmp_path / "a.png", tmp_path]) == find_photos([tmp_path])
    assert find_photos([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]


def test_says_when_there_is_no_photo(tmp_path):
    with pytest.raises(InputError, match="no photo in"):
        find_photos([tmp_path])
    with pytest.raises(InputError, match="no such file or folder"):
        find_photos([tmp_path / "none"])
    with pytest.raises(InputError, match="nothing"):
        find_photos([])


def test_resizes_photos_and_maps_alike(photo):
    small = resize_photo(photo, (17, 23))
    assert small.shape == (17, 23, 3)
    np.testing.assert_array_equal(resize_map(photo[..., 1], (17, 23)), small[..., 1])
    assert resize_map(photo[..., 1], (40, 60)) is not None
    np.testing.assert_array_equal(resize_photo(photo, (40, 60)), photo)


def test_enlarging_is_bilinear():
    step = np.array([[0, 200]], np.uint8)
    np.testing.assert_array_equal(resize_map(step, (1, 4))[0], [0, 50, 150, 200])


def test_overlay_tints_what_is_salient_alone(photo):
    saliency_map = np.zeros(photo.shape[:2], np.uint8)
    saliency_map[:, :30] = 255
    picture = overlay(photo, saliency_map)
    assert picture.shape == photo.shape
    assert picture.dtype == np.uint8
    assert np.ptp(picture[:, 30:].astype(int), axis=2).max() == 0
    assert (picture[:, :30, 0] >= picture[:, 30:].min()).all()
    assert picture[:, :30, 0].mean() > photo[:, :30, 0].mean()


def test_cutout_has_the_map_as_opacity(photo):
    saliency_map = photo[..., 2]
    np.testing.assert_array_equal(cutout(photo, saliency_map), np.dstack((photo, saliency_map)))


def test_does_not_overwrite_unasked(tmp_path, photo):
    write_image(tmp_path / "a.png", photo)
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        write_image(tmp_path / "a.png", photo[:10])
    assert (tmp_path / "a.png").read_bytes() == before
    write_image(tmp_path / "a.png", photo[:10], overwrite=True)
    assert read_photo(tmp_path / "a.png").shape == (10, 60, 3)


def test_writes_nothing_where_it_cannot(tmp_path, photo):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_image(tmp_path / "file" / "a.png", photo)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
