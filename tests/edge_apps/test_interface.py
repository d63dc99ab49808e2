"""Which tensors make a file an artifact."""

from __future__ import annotations

import pytest

from edge_apps.backends.interface import photo_size


@pytest.mark.parametrize(
    ("saliency_map", "size"),
    [
        ((1, 96, 96), 96),
        ((1, 96, 96, 1), 96),
        ((1, 48, 48), 96),
        ((1, 24, 24, 1), 96),
        ((1, 192, 192), None),
        ((1, 50, 50), None),
        ((1, 48, 96), None),
        ((1, 96, 96, 3), None),
        ((1, 0, 0), None),
        ((96, 96), None),
    ],
)
def test_a_map_divides_its_photo(saliency_map, size):
    assert photo_size([(1, 96, 96, 3), saliency_map]) == size


@pytest.mark.parametrize(
    "shapes", [[], [(1, 96, 96, 3)], [(1, 3, 96, 96), (1, 96, 96)], [(1, 96, 96, 3)] * 3]
)
def test_anything_else_is_no_artifact(shapes):
    assert photo_size(shapes) is None
