from __future__ import annotations

import numpy as np
import pytest

from common.errors import MissingPackageError
from samnet.data import embedded
from samnet.data.embedded import draw_mask, embedded_photos


@pytest.fixture(scope="module")
def photos():
    return embedded_photos()


def test_a_handful_of_photos_with_masks(photos):
    names = [photo.name for photo in photos]
    assert names == sorted(names)
    assert {"astronaut", "chelsea", "coffee", "rocket"} <= set(names)
    for name, photo, mask in photos:
        assert photo.dtype == mask.dtype == np.uint8, name
        assert photo.shape == (*mask.shape, 3), name
        assert set(np.unique(mask)) == {0, 255}, name


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("astronaut", [(220, 80), (430, 430), (255, 300)], [(400, 200), (20, 100), (320, 100)]),
        ("camera", [(60, 300), (295, 160), (293, 400)], [(256, 160), (250, 225), (400, 250)]),
        ("chelsea", [(170, 110), (260, 245), (10, 290)], [(430, 150), (10, 60), (380, 290)]),
        ("clock", [(210, 155)], [(130, 155), (300, 155)]),
        ("coffee", [(280, 140), (110, 250), (418, 75)], [(60, 60), (520, 300), (90, 380)]),
        ("retina", [(700, 700), (50, 700)], [(20, 20), (1390, 1390)]),
        ("rocket", [(322, 300), (322, 140)], [(300, 300), (350, 300), (322, 415)]),
    ],
)
def test_masks_cover_the_object(photos, name, inside, outside):
    mask = next(photo.mask for photo in photos if photo.name == name)
    assert all(mask[y, x] == 255 for x, y in inside)
    assert all(mask[y, x] == 0 for x, y in outside)


def test_outlines_lie_on_edges(photos):
    """Across an outline the photo changes more than across the same line moved aside."""
    for name, photo, mask in photos:
        gray = photo.mean(axis=2)
        across = np.abs(gray[:, 6:] - gray[:, :-6])
        outline = np.diff(mask.astype(int), axis=1)[:, 2:-3] != 0
        aside = [across[np.roll(outline, shift, axis=1)].mean() for shift in (-12, -6, 6, 12)]
        assert across[outline].mean() > 1.2 * np.mean(aside), name


def test_holes_are_background():
    square = [[0, 0], [9, 0], [9, 9], [0, 9]]
    hole = [[4, 4], [6, 4], [6, 6], [4, 6]]
    mask = draw_mask({"size": [10, 12], "polygons": [square], "holes": [hole]})
    assert mask.shape == (10, 12)
    assert (mask[1, 1], mask[5, 5], mask[5, 11]) == (255, 0, 0)


def test_says_when_the_photos_are_not_there(monkeypatch):
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="scikit-image is not installed"):
        embedded_photos()
