"""Cut-outs: colors without a halo, backgrounds of any size, crops inside the photo."""

from __future__ import annotations

import numpy as np
import pytest

from edge_apps.maps.compositing import Background, cover, foreground
from edge_apps.maps.cropping import Shape, objects_in
from edge_apps.maps.objects import SalientObject

RED, BLUE = np.array([220.0, 40, 30]), np.array([20.0, 60, 230])


def mixed(side: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """A red disc with soft edges on blue, and its exact opacity."""
    y, x = np.mgrid[:side, :side]
    far = np.hypot(y - side / 2, x - side / 2)
    opacity = np.clip((side / 4 + 5 - far) / 10, 0, 1)
    photo = opacity[..., None] * RED + (1 - opacity[..., None]) * BLUE
    return photo.round().astype(np.uint8), (255 * opacity).round().astype(np.uint8)


def test_the_edge_has_the_color_of_the_object_alone() -> None:
    photo, saliency_map = mixed()
    found = foreground(photo, saliency_map)
    edge = (saliency_map > 40) & (saliency_map < 215)
    assert np.abs(found[edge] - RED).mean() < 0.25 * np.abs(photo[edge] - RED).mean()
    sure = saliency_map == 255
    assert np.abs(found[sure].astype(int) - photo[sure]).max() <= 1


def test_over_another_color_there_is_no_halo() -> None:
    photo, saliency_map = mixed()
    found = Background.parse("lime").behind(photo, saliency_map)
    # Nothing blue is left of the background.
    assert found[..., 2].max() < 75
    assert (found[0, 0] == (0, 255, 0)).all() and np.abs(found[100, 100] - RED).max() <= 2


def test_a_blurred_background_has_nothing_of_the_object() -> None:
    photo, saliency_map = mixed()
    found = Background.parse("blur").behind(photo, saliency_map)
    assert np.abs(found[saliency_map == 0] - BLUE).max() < 12
    assert np.abs(found[100, 100] - RED).max() <= 2


@pytest.mark.parametrize("shape", [(10, 300), (300, 10), (1, 1), (90, 120)])
def test_a_background_covers_undistorted(shape: tuple[int, int]) -> None:
    picture = np.zeros((*shape, 3), np.uint8)
    picture[:, : shape[1] // 2] = 200
    found = cover(picture, (45, 60))
    assert found.shape == (45, 60, 3)
    if shape[1] > 1:
        assert (found[:, :25] > 150).all() and (found[:, 35:] < 50).all()


def thing(left: float, top: float, right: float, bottom: float) -> SalientObject:
    return SalientObject((left, top, right, bottom), (0, 0), 0.1, 0.9)


@pytest.mark.parametrize("text", ["1:1", "4:3", "16:9", "9:16", "box"])
@pytest.mark.parametrize(
    "box", [(40, 30, 60, 50), (0, 0, 5, 5), (95, 2, 100, 80), (0, 0, 100, 80), (0, 70, 100, 80)]
)
def test_crops_stay_inside_and_keep_their_shape(
    text: str, box: tuple[float, float, float, float]
) -> None:
    shape = Shape.parse(text)
    left, top, right, bottom = shape.around([thing(*box)], (80, 100))
    assert 0 <= left < right <= 100 and 0 <= top < bottom <= 80
    if shape.ratio:
        assert abs((right - left) - (bottom - top) * shape.ratio) <= 1.3
    if shape.ratio is None or (box[2] - box[0] < 50 and box[3] - box[1] < 25):
        assert left <= box[0] and top <= box[1] and right >= box[2] and bottom >= box[3]


def test_a_crop_holds_all_objects_asked_for() -> None:
    both = [thing(10, 10, 20, 20), thing(60, 50, 70, 60)]
    left, top, right, bottom = Shape.parse("box").around(both, (80, 100))
    assert (left, top, right, bottom) == (5, 5, 75, 65)


def test_objects_of_a_large_map_are_in_its_pixels() -> None:
    saliency_map = np.zeros((1200, 1800), np.uint8)
    saliency_map[300:600, 450:900] = 255
    (found,) = objects_in(saliency_map)
    assert found.box == pytest.approx((450, 300, 900, 600), abs=4)
