"""The photos that activation ranges are observed on."""

from __future__ import annotations

import numpy as np
import pytest

from common.errors import InputError
from common.images.photos import resize_photo, write_image
from quantize.calibration import FEWEST_PHOTOS, calibration_set, normalize, read_photos
from samnet.data.synthetic import scene
from samnet.networks.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def photos():
    return [scene(seed, (70, 110))[0] for seed in range(3)]


def test_every_photo_stands_whole_before_crops_fill_up(photos):
    found = calibration_set(photos, 7, 64)
    assert found.photos.shape == (7, 64, 64, 3) and found.photos.dtype == np.uint8
    for i, photo in enumerate(photos):
        assert np.array_equal(found.photos[i], resize_photo(photo, (64, 64)))
    assert len({item.tobytes() for item in found.photos}) == 7


def test_the_seed_decides_and_the_hash_tells(photos):
    first, again, other = (calibration_set(photos, 7, 64, seed=seed) for seed in (1, 1, 2))
    assert first.sha256 == again.sha256 != other.sha256
    assert first.describe() == {"count": 7, "seed": 1, "sha256": first.sha256}
    assert calibration_set(photos, 7, 96, seed=1).sha256 != first.sha256


def test_few_of_many_photos_are_a_choice(photos):
    found = calibration_set(photos, 2, 64)
    whole = [resize_photo(photo, (64, 64)).tobytes() for photo in photos]
    assert all(item.tobytes() in whole for item in found.photos)


@pytest.mark.parametrize(("some", "count"), [(0, 5), (2, 0)])
def test_nothing_to_observe_is_refused(photos, some, count):
    with pytest.raises(InputError, match="calibrat"):
        calibration_set(photos[:some], count, 64)


def test_a_byte_becomes_its_distance_from_128_in_64ths():
    photo = np.array([0, 128, 255], np.uint8).repeat(3).reshape(1, 3, 3)
    values = normalize(photo, Preprocessing())
    assert values.shape == (1, 3, 1, 3)
    assert np.allclose(values[0, 0, 0], [-2, 0, 127 / 64], atol=1e-6)


@pytest.fixture
def folder(tmp_path):
    for seed in range(FEWEST_PHOTOS):
        write_image(tmp_path / f"{seed}.png", scene(seed, (20, 30))[0])
    return tmp_path


def test_photos_are_spread_evenly_over_a_folder(folder):
    for seed in range(FEWEST_PHOTOS):
        write_image(folder / f"x{seed}.png", scene(100 + seed, (20, 30))[0])
    found = read_photos([folder], FEWEST_PHOTOS)
    expected = [scene(seed, (20, 30))[0] for seed in range(0, FEWEST_PHOTOS, 2)]
    assert len(found) == FEWEST_PHOTOS
    assert all(np.array_equal(a, b) for a, b in zip(found[: len(expected)], expected, strict=True))


def test_a_handful_of_photos_is_refused(folder):
    assert len(read_photos([folder], 100)) == FEWEST_PHOTOS
    (folder / "0.png").unlink()
    with pytest.raises(InputError, match=f"7 photos .* at least {FEWEST_PHOTOS}"):
        read_photos([folder], 100)


def test_a_photo_that_does_not_decode_is_named(folder):
    (folder / "3.png").write_bytes((folder / "3.png").read_bytes()[:60])
    with pytest.raises(InputError, match=r"3\.png: not a readable picture"):
        read_photos([folder], 100)
