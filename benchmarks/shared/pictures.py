"""Pictures in reports: differences of maps in color, and pictures as data URIs."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from common.images.photos import Bytes

SATURATION = 32
"""Difference of gray values, of 255, that is shown in full color."""

HIGHER, LOWER = (178, 24, 43), (33, 102, 172)
"""RGB colors of pixels that are more, or less, salient than in the reference."""


def difference(saliency_map: Bytes, reference: Bytes) -> Bytes:
    """Color the signed difference of two maps (H, W): red is more salient, blue is less.

    Returns:
        RGB, (H, W, 3) uint8.
    """
    delta = (saliency_map.astype(np.float32) - reference.astype(np.float32))[..., None]
    strength = np.clip(np.abs(delta) / SATURATION, 0, 1)
    color = np.where(delta > 0, np.array(HIGHER, np.float32), np.array(LOWER, np.float32))
    return (255 * (1 - strength) + color * strength + 0.5).astype(np.uint8)


def data_uri(picture: Bytes, kind: str) -> str:
    """Encode a picture as a data URI.

    Args:
        picture: (H, W) or (H, W, 3) uint8.
        kind: ``JPEG`` or ``PNG``.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, quality=85, optimize=True)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def css(color: tuple[int, int, int]) -> str:
    """Write an RGB color in CSS."""
    return f"rgb{color}"
