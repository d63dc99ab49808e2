from __future__ import annotations

import numpy as np
import pytest

from common.errors import InputError
from common.images.photos import read_map
from samnet.data.layouts import find_pairs
from samnet.data.synthetic import scene, write_scenes


def test_a_seed_names_a_scene():
    for one, other in zip(scene(5, (40, 56)), scene(5, (40, 56)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(scene(5)[1], scene(6)[1])


@pytest.mark.parametrize("size", [64, (48, 80), (81, 65)])
def test_shapes(size):
    photo, mask = scene(1, size)
    height, width = (size, size) if isinstance(size, int) else size
    assert photo.shape == (height, width, 3)
    assert mask.shape == (height, width)
    assert photo.dtype == mask.dtype == np.uint8


def test_the_object_stands_out():
    for seed in range(30):
        photo, mask = scene(seed)
        inside = mask > 128
        assert set(np.unique(mask)) == {0, 255}
        assert 0.02 < inside.mean() < 0.6
        difference = photo[inside].mean(0) - photo[~inside].mean(0)
        assert np.linalg.norm(difference) > 40, seed


def test_writes_a_data_set(tmp_path):
    write_scenes(tmp_path, 2, 48)
    pairs = find_pairs(tmp_path).pairs
    assert len(pairs) == 2
    np.testing.assert_array_equal(read_map(pairs[1].mask), scene(1, 48)[1])
    with pytest.raises(InputError, match="already exists"):
        write_scenes(tmp_path, 2, 48)
