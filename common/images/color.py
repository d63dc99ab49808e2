"""Decoded pictures of any mode as sRGB."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common.input_notice import notice

SAME = 2
"""A profile that changes no byte by more is sRGB's own; its rounding is not worth having."""

_Gray = ("1", "L", "LA", "La")


def split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split off the opacity (mode L) of a picture; None where all is opaque."""
    if not image.has_transparency_data:
        return image, None
    gray = image.mode in _Gray
    if image.mode == "La":
        image = image.convert("LA")
    key = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:
        # Of a file of 16 bits, whose pixels are read as their upper bytes.
        image.info["transparency"] = tuple(value >> 8 for value in key)
    image = image.convert("LA" if gray else "RGBA")
    alpha = image.getchannel("A")
    colors = image.convert("L" if gray else "RGB")
    colors.info.pop("transparency", None)
    return colors, (None if alpha.getextrema() == (255, 255) else alpha)


def to_srgb(image: Image.Image, path: str | Path) -> Image.Image:
    """Convert a picture without transparency to RGB, by its color profile where it has one.

    Args:
        image: image of mode 1, L, P, RGB, CMYK, YCbCr or LAB.
        path: path of the file, for messages.
    """
    profile = image.info.get("icc_profile")
    if image.mode == "LAB":
        profile = b""
    elif image.mode not in ("L", "RGB", "CMYK") or (image.mode == "L" and _is_of_colors(profile)):
        image = image.convert("RGB")
    if profile is not None:
        try:
            transform = _transform(profile, image.mode)
            if transform is not None:
                from PIL import ImageCms

                converted = ImageCms.applyTransform(image, transform)
                assert converted is not None
                image = converted
        except Exception as error:
            # LittleCMS is missing, or the profile is damaged or of another kind of picture.
            reason = str(error).split("\n")[0]
            if image.mode == "LAB":
                raise
            notice(f"{path}: its color profile cannot be used ({reason}); read as sRGB")
    return image.convert("RGB")


def _is_of_colors(profile: bytes | None) -> bool:
    """Tell whether a profile describes RGB, as gray photos often carry one."""
    return profile is not None and profile[16:20] == b"RGB "


@functools.lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> Any | None:
    """Build the transform from a profile to sRGB; None if it describes that. Empty means Lab."""
    from PIL import ImageCms

    source = (
        ImageCms.getOpenProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
    )
    transform = ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if mode not in ("L", "RGB"):
        return transform
    steps = np.linspace(0, 255, 18).astype(np.uint8)
    colors = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(18, -1, 3)
    probe = Image.fromarray(colors if mode == "RGB" else np.arange(256, dtype=np.uint8)[None])
    converted = ImageCms.applyTransform(probe, transform)
    assert converted is not None
    change = np.asarray(converted).astype(int) - np.asarray(probe.convert("RGB"))
    return None if np.abs(change).max() <= SAME else transform
