"""Packed photos are those of the files that were asked for, whatever the cache holds."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from common.errors import InputError
from common.images.photos import read_map, read_photo, resize_map, resize_photo, write_image
from samnet.data.layouts import find_pairs
from samnet.data.packed import fingerprint, pack


def packed_masks(folder, cache):
    return pack(find_pairs(folder).pairs, 32, cache).masks.numpy()


def expected_masks(folder):
    return np.stack([resize_map(read_map(p.mask), (32, 32)) for p in find_pairs(folder).pairs])


def test_holds_the_photos_and_masks(scenes, tmp_path):
    pairs = find_pairs(scenes).pairs
    packed = pack(pairs, 32, tmp_path / "cache")
    photos = np.stack([resize_photo(read_photo(pair.photo), (32, 32)) for pair in pairs])
    np.testing.assert_array_equal(packed.photos.numpy(), photos)
    np.testing.assert_array_equal(packed.masks.numpy(), expected_masks(scenes))


def test_sets_of_the_same_names_sizes_and_dates_are_not_mixed_up(scenes, tmp_path):
    """Two annotations of the same photos, in one cache."""
    for path in (scenes / "masks").iterdir():
        mask = read_map(path)
        path.unlink()
        write_image(path.with_suffix(".bmp"), mask)
    other = tmp_path / "other"
    shutil.copytree(scenes, other)
    for path in (other / "masks").iterdir():
        write_image(path, 255 - read_map(path), overwrite=True)
    for folder in (scenes, other):
        for path in folder.rglob("*.*"):
            os.utime(path, (1, 1))
    cache = tmp_path / "cache"
    np.testing.assert_array_equal(packed_masks(scenes, cache), expected_masks(scenes))
    np.testing.assert_array_equal(packed_masks(other, cache), expected_masks(other))
    # The same files elsewhere are the same photos.
    shutil.copytree(other, tmp_path / "moved")
    assert fingerprint(find_pairs(tmp_path / "moved").pairs, 32) == fingerprint(
        find_pairs(other).pairs, 32
    )


def test_a_replaced_file_is_seen_in_the_same_process(scenes, tmp_path):
    cache = tmp_path / "cache"
    packed_masks(scenes, cache)
    path = scenes / "masks" / "scene-0001.png"
    before = path.stat()
    write_image(path, 255 - read_map(path), overwrite=True)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    np.testing.assert_array_equal(packed_masks(scenes, cache), expected_masks(scenes))


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other shape", "pickle"])
def test_what_is_no_cache_is_packed_anew(scenes, tmp_path, damage, bomb):
    cache = tmp_path / "cache"
    packed_masks(scenes, cache)
    (path,) = cache.iterdir()
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("not an array")
    elif damage == "other shape":
        np.save(path, np.zeros((2, 3), np.uint8))
    else:
        np.save(path, np.array([bomb], dtype=object), allow_pickle=True)
    np.testing.assert_array_equal(packed_masks(scenes, cache), expected_masks(scenes))
    assert [entry.name for entry in cache.iterdir()] == [path.name]
    assert not (tmp_path / "ran").exists()


def test_missing_files_are_named(scenes, tmp_path):
    pairs = find_pairs(scenes).pairs
    pairs[1].mask.unlink()
    with pytest.raises(InputError, match=r"scene-0001\.png: cannot be read"):
        pack(pairs, 32, tmp_path / "cache")
