"""The guided filter: exact, better where a photo has edges, bounded, quick, and for any photo."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.images.photos import resize_photo
from edge_apps.maps.coding import LOGITS
from edge_apps.maps.refinement import GRID, STEP, Refinement, refinement_of
from edge_apps.runtime import Segmenter, load

SIDE = 192


def disc(size: tuple[int, int], noise: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """A light disc with an ear on a dark ground, and its mask."""
    height, width = size
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    mask = (y - 0.5) ** 2 + (x - 0.5) ** 2 < 0.06
    mask |= (abs(x - 0.5) < 0.03) & (y > 0.1) & (y < 0.5)
    photo = np.where(mask[..., None], (200, 170, 140), (60, 80, 70)).astype(float)
    photo += np.random.default_rng(0).normal(0, noise, photo.shape)
    return photo.clip(0, 255).astype(np.uint8), np.where(mask, 255, 0).astype(np.uint8)


def coarse(mask: np.ndarray, side: int = 48) -> np.ndarray:
    """The logits that a network gives for a mask: sure, but blurred, (side, side) uint8."""
    small = Image.fromarray(mask).resize((side // 4, side // 4), Image.Resampling.BOX)
    soft = np.array(small.resize((side, side), Image.Resampling.BILINEAR)) / 255
    return LOGITS.bytes(10 * (soft - 0.5))


def error(saliency_map: np.ndarray, mask: np.ndarray) -> float:
    return float(np.abs(saliency_map.astype(float) - mask).mean() / 255)


def exact(
    given: Refinement, saliency_map: np.ndarray, small: np.ndarray, photo: np.ndarray
) -> np.ndarray:
    """The filter in float64 by its equations, a window after the other."""
    reduced = Image.fromarray(small).resize((GRID, GRID), Image.Resampling.BILINEAR)
    guide = np.array(reduced, float) / 255
    logits = (LOGITS.placed(saliency_map, SIDE, (GRID, GRID)).astype(float) - 128) / 16
    fits = np.empty((GRID, GRID, 4))
    r = given.radius
    windows = {
        (i, j): (slice(max(0, i - r), i + r + 1), slice(max(0, j - r), j + r + 1))
        for i in range(GRID)
        for j in range(GRID)
    }
    for place, window in windows.items():
        colors, values = guide[window].reshape(-1, 3), logits[window].reshape(-1)
        covariance = np.cov(colors.T, bias=True) + given.eps * np.eye(3)
        joint = (colors * values[:, None]).mean(0) - colors.mean(0) * values.mean()
        a = np.linalg.solve(covariance, joint)
        fits[place] = (*a, values.mean() - a @ colors.mean(0))
    averaged = np.stack([fits[window].reshape(-1, 4).mean(0) for window in windows.values()])
    averaged = averaged.reshape(GRID, GRID, 4)
    height, width = photo.shape[:2]

    def enlarged(plane: np.ndarray) -> np.ndarray:
        image = Image.fromarray(plane.astype(np.float32))
        return np.array(image.resize((width, height), Image.Resampling.BILINEAR), float)

    refined = enlarged(averaged[..., 3])
    for k in range(3):
        refined += enlarged(averaged[..., k]) * photo[..., k] / 255
    plain = enlarged(logits)
    refined = given.slope * np.clip(refined, plain - given.bound, plain + given.bound)
    return 255 / (1 + np.exp(-refined))


@pytest.mark.parametrize("size", [(120, 160), (201, 97), (64, 80)])
def test_equals_the_equations(size: tuple[int, int]) -> None:
    photo, mask = disc(size)
    small, given = resize_photo(photo, (SIDE, SIDE)), Refinement()
    found = given(coarse(mask), LOGITS, small, photo)
    difference = np.abs(found - exact(given, coarse(mask), small, photo))
    # A step of the table is 3.2 where a sigmoid is steepest.
    assert found.shape == size and difference.max() < 255 * STEP / 4 + 1.5
    assert difference.mean() < 1


def test_is_nearer_to_the_object_than_the_enlarged_map() -> None:
    photo, mask = disc((240, 320))
    small = resize_photo(photo, (SIDE, SIDE))
    saliency_map = coarse(mask)
    plain, refined = (
        LOGITS.enlarge(saliency_map, SIDE, mask.shape),
        Refinement()(saliency_map, LOGITS, small, photo),
    )
    assert error(refined, mask) < 0.6 * error(plain, mask)
    # The ear, which the network's map hardly has.
    ear = np.s_[30:90, 152:168]
    assert error(refined[ear], mask[ear]) < 0.9 * error(plain[ear], mask[ear])


def test_a_photo_without_edges_changes_no_decision() -> None:
    _, mask = disc((240, 320))
    gray = np.full((240, 320, 3), 128, np.uint8)
    small = resize_photo(gray, (SIDE, SIDE))
    saliency_map = coarse(mask)
    plain, refined = (
        LOGITS.enlarge(saliency_map, SIDE, mask.shape),
        Refinement()(saliency_map, LOGITS, small, gray),
    )
    sure = (plain < 40) | (plain > 215)
    assert ((refined > 127) == (plain > 127))[sure].all()


def test_no_hole_is_carved_into_what_the_network_is_sure_of() -> None:
    photo = np.empty((240, 320, 3), np.uint8)
    # Black stripes on a light ground, and a light spot as the object: as large as a window.
    photo[:] = np.where((np.arange(320) // 6 % 2)[None, :, None], 240, 10)
    small = resize_photo(photo, (SIDE, SIDE))
    saliency_map = np.full((48, 48), 40, np.uint8)
    saliency_map[20:26, 20:26] = 128 + 16 * 6
    bounded = Refinement()(saliency_map, LOGITS, small, photo)
    free = dataclasses.replace(Refinement(), bound=1e6)(saliency_map, LOGITS, small, photo)
    inside = np.s_[108:122, 144:164]
    assert bounded[inside].min() >= free[inside].min() and bounded[inside].min() > 240


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (64, 64), (301, 203)])
def test_photos_of_any_size(size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    small = resize_photo(photo, (SIDE, SIDE))
    found = Refinement()(np.full((48, 48), 200, np.uint8), LOGITS, small, photo[:, ::-1][:, ::-1])
    assert found.shape == size and found.dtype == np.uint8 and found.flags.writeable
    assert np.ptp(found.astype(int)) <= 4 and found.min() > 240


@pytest.mark.parametrize("radius", [32, 64, 10_000])
def test_a_radius_larger_than_the_photo_is_one_clear_line(radius: int) -> None:
    photo, mask = disc((60, 80))
    given = Refinement(radius=radius)
    with pytest.raises(InputError, match=rf"radius is {radius}, .*larger than the photo") as found:
        given(coarse(mask), LOGITS, resize_photo(photo, (SIDE, SIDE)), photo)
    assert "\n" not in str(found.value) and "at most 31" in str(found.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"radius": 0}, "radius is 0"),
        ({"eps": 0.0}, "eps is 0.0"),
        ({"slope": float("nan")}, "slope is nan"),
        ({"bound": -1.0}, "bound is -1.0"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=f"refinement {message}, expected"):
        Refinement(**values)  # type: ignore[arg-type]


def test_costs_little_beside_enlarging() -> None:
    photo, mask = disc((480, 640))
    small, saliency_map = resize_photo(photo, (SIDE, SIDE)), coarse(mask)
    image = Image.fromarray(photo)

    def least(run) -> float:  # type: ignore[no-untyped-def]
        taken = []
        for _ in range(15):
            start = time.thread_time()
            run()
            taken.append(time.thread_time() - start)
        return min(taken)

    refined = least(lambda: Refinement()(saliency_map, LOGITS, small, photo))
    # What reading the photo's pixels once for the network costs on the same processor.
    resized = least(lambda: image.resize((480, 360), Image.Resampling.BILINEAR))
    assert refined < 8 * resized


def test_the_runtime_refines_unless_told_otherwise(tflite: Path) -> None:
    photo, _ = disc((90, 120))
    segmenter = load(tflite, threads=1)
    plain, refined = segmenter(photo, refine=False), segmenter(photo, refine=True)
    assert np.array_equal(segmenter(photo), refined) and not np.array_equal(plain, refined)
    raw = segmenter.look(photo)
    assert np.array_equal(raw.at(photo, None), plain)
    assert np.array_equal(raw.at(photo, Refinement()), refined)
    own = Refinement(radius=2, slope=1.0)
    assert np.array_equal(segmenter(photo, refine=own), raw.at(photo, own))
    assert refinement_of(False) is None and refinement_of(own) is own
    assert isinstance(segmenter, Segmenter)
