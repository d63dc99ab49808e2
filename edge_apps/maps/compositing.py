"""Cut-outs without a halo, and what they are laid over.

A pixel at the edge of an object mixes its color with that of the background. The color of the
object alone is estimated by blur fusion (Forte, "Approximate Fast Foreground Colour Estimation",
2021), in windows that shrink.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from common.errors import InputError
from common.images.photo_files import SUFFIXES
from common.images.photos import Bytes, fitting, read_photo, resize_map, resize_photo
from edge_apps.maps.motion import windows

Floats = NDArray[np.floating]

LIMIT = (256, 256)
"""Largest height and width in pixels at which colors are estimated."""

RADII = (24, 6, 2)
"""Of the windows, in pixels of the reduced photo."""

LOW, HIGH = 0.15, 0.85
"""Probabilities below and above which a composed picture shows background and object alone."""

BLUR = 0.05
"""Radius of a blurred background, as a share of the longer side."""


def foreground(photo: Bytes, saliency_map: Bytes) -> Bytes:
    """Estimate the colors of what is salient, without those of the background at its edges.

    Args:
        photo: (H, W, 3) uint8.
        saliency_map: (H, W) uint8, 255 is salient.

    Returns:
        (H, W, 3) uint8; the photo's own colors where the map is 255.
    """
    size = fitting(photo.shape[:2], LIMIT)
    opacity = np.asarray(resize_map(saliency_map, size), np.float32)[..., None] / 255
    colors = np.asarray(resize_photo(photo, size), np.float32)
    near: Floats = colors
    far: Floats = colors
    for radius in RADII:
        near = _weighted_means(near, opacity, radius)
        far = _weighted_means(far, 1 - opacity, radius)
        near = np.clip(near + opacity * (colors - opacity * near - (1 - opacity) * far), 0, 255)
    whole = photo.shape[:2]
    estimated = resize_photo(_bytes(near), whole)
    # The photo itself has what the reduced one has lost; less of it where it is a mixture.
    share = np.asarray(saliency_map, np.float32)[..., None] / 255
    share = np.clip((share - LOW) / (1 - LOW), 0, 1)
    return _bytes(estimated + share**2 * (photo - np.asarray(estimated, np.float32)))


@dataclasses.dataclass(frozen=True)
class Background:
    """What a cut-out is laid over.

    Args:
        color: RGB, where it is one.
        picture: (H, W, 3) uint8, where it is one; neither blurs the photo's own background.
    """

    color: tuple[int, int, int] | None = None
    picture: Bytes | None = None

    @classmethod
    def parse(cls, text: str) -> Background:
        """Read ``blur``, a color such as ``white`` or ``#20a0ff``, or the file of a picture.

        Raises:
            InputError: if it is none, or the picture cannot be read.
        """
        if text == "blur":
            return cls()
        path = Path(text)
        if path.is_file():
            return cls(picture=read_photo(path))
        try:
            if path.suffix.lower() in SUFFIXES or path.is_dir():
                raise ValueError
            return cls(color=ImageColor.getrgb(text)[:3])
        except ValueError as error:
            raise InputError(
                f"background {text}: no such file, and no color; give blur, the file of a picture, "
                "or a color such as white or #20a0ff"
            ) from error

    def behind(self, photo: Bytes, saliency_map: Bytes) -> Bytes:
        """Replace the photo's background; a picture is scaled and cropped to cover it.

        Args:
            photo: (H, W, 3) uint8.
            saliency_map: (H, W) uint8, 255 is salient.

        Returns:
            (H, W, 3) uint8.
        """
        share = np.asarray(saliency_map, np.float32)[..., None] / 255
        share = np.clip((share - LOW) / (HIGH - LOW), 0, 1)
        share *= share * (3 - 2 * share)
        back: Floats | Bytes
        if self.color is not None:
            back = np.array(self.color, np.float32)
        elif self.picture is not None:
            back = cover(self.picture, photo.shape[:2])
        else:
            back = _blurred(photo, saliency_map)
        near = foreground(photo, saliency_map)
        return _bytes(back + share * (near - np.asarray(back, np.float32)))


def cover(picture: Bytes, size: tuple[int, int]) -> Bytes:
    """Crop the middle of a picture, scaled to fill ``size`` (height, width) undistorted."""
    height, width = picture.shape[:2]
    scale = min(height / size[0], width / size[1])
    part = size[1] * scale, size[0] * scale
    # Never beyond the picture by a rounding, which Pillow refuses.
    left, top = max(0.0, (width - part[0]) / 2), max(0.0, (height - part[1]) / 2)
    box = (left, top, min(width, left + part[0]), min(height, top + part[1]))
    image = Image.fromarray(picture)
    return np.array(image.resize(size[::-1], Image.Resampling.BICUBIC, box))


def _blurred(photo: Bytes, saliency_map: Bytes) -> Bytes:
    """Blur the background without what is salient, whose color would shine around it."""
    size = fitting(photo.shape[:2], LIMIT)
    colors: Floats = np.asarray(resize_photo(photo, size), np.float32)
    away = 1 - np.asarray(resize_map(saliency_map, size), np.float32)[..., None] / 255
    away = np.clip((away - 0.5) / 0.4, 0, 1)
    for radius in (max(size) // 4, max(1, round(BLUR * max(size)))):
        filled = _weighted_means(colors, away + 1e-4, radius)
        # Within the object the wider means stay, from which the narrower ones begin.
        colors = colors * away + filled * (1 - away)
    for _ in range(3):  # three boxes are close to a Gaussian
        colors = _means(colors, max(1, round(BLUR * max(size))))
    return resize_photo(_bytes(colors), photo.shape[:2])


def _weighted_means(colors: Floats, weights: Floats, radius: int) -> Floats:
    total = _means(np.concatenate((colors * weights, weights), axis=2), radius)
    return np.asarray(total[..., :3] / (total[..., 3:] + np.float32(1e-5)))


def _means(planes: Floats, radius: int) -> Floats:
    """Average (H, W, C) over windows of 2 * radius + 1 that end at the borders."""
    height, width, channels = planes.shape
    rows = windows(height, radius) @ planes.reshape(height, -1)
    return np.asarray(windows(width, radius) @ rows.reshape(height, width, channels), np.float32)


def _bytes(values: NDArray[np.floating]) -> Bytes:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
