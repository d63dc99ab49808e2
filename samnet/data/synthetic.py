"""Synthetic scenes: photos with one salient object, for tests and examples without a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from common.images.photos import Bytes, resize_map, write_image


def scene(seed: int, size: int | tuple[int, int] = 96) -> tuple[Bytes, Bytes]:
    """Draw one object in a color of its own before a soft background with noise and clutter.

    Args:
        seed: the same seed and size give the same scene.
        size: height and width in pixels, or one number for both.

    Returns:
        A photo (H, W, 3) uint8 and its mask (H, W) uint8 of 0 and 255.
    """
    height, width = (size, size) if isinstance(size, int) else size
    rng = np.random.default_rng(seed)
    mask = _blob(rng, height, width, radius=rng.uniform(0.18, 0.34))
    clutter = _blob(rng, height, width, radius=0.05)
    hue = rng.uniform(0, 1)
    photo = _surface(rng, height, width, _color(hue, 0.25, rng.uniform(0.35, 0.75)), 35)
    for shape, color in (
        (clutter, _color(hue + 0.1, 0.35, 0.5)),
        (mask, _color(hue + rng.uniform(0.35, 0.65), 0.9, rng.uniform(0.6, 0.95))),
    ):
        surface = _surface(rng, height, width, color, 20)
        photo = np.where(shape[..., None] > 0, surface, photo)
    photo += rng.normal(0, 5, photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8), mask


def write_scenes(folder: str | Path, count: int, size: int | tuple[int, int] = 96) -> None:
    """Write the scenes of seeds 0 to ``count`` - 1 as a data set: ``images/`` and ``masks/``.

    Raises:
        InputError: if a file exists already or cannot be written.
    """
    for seed in range(count):
        photo, mask = scene(seed, size)
        write_image(Path(folder, "images", f"scene-{seed:04}.jpg"), photo)
        write_image(Path(folder, "masks", f"scene-{seed:04}.png"), mask)


def _blob(rng: np.random.Generator, height: int, width: int, radius: float) -> Bytes:
    """Draw a closed outline whose radius varies around ``radius`` times the shorter side."""
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    shape = np.ones_like(angles)
    for wave in (2, 3, 5):
        shape += rng.uniform(-0.22, 0.22) * np.cos(wave * angles + rng.uniform(0, 2 * np.pi))
    reach = radius * min(height, width) * shape
    x = width * rng.uniform(0.35, 0.65) + reach * np.cos(angles)
    y = height * rng.uniform(0.35, 0.65) + reach * np.sin(angles)
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill=255)
    return np.array(image)


def _surface(
    rng: np.random.Generator, height: int, width: int, color: np.ndarray, contrast: float
) -> np.ndarray:
    """Draw a color with soft variations of ``contrast`` gray levels, (H, W, 3) float."""
    coarse = rng.integers(0, 256, (4, 4), dtype=np.uint8)
    light = resize_map(coarse, (height, width)).astype(np.float64) / 255 - 0.5
    return color + 2 * contrast * light[..., None]


def _color(hue: float, saturation: float, value: float) -> np.ndarray:
    """Convert a hue of 0 to 1, which wraps around, to RGB of 0 to 255."""
    wheel = np.clip(np.abs((hue % 1 + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1, 0, 1)
    return 255 * value * (1 - saturation + saturation * wheel)
