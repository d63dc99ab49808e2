"""Photos that every installation has, with masks drawn for this project.

The photos are those of scikit-image's wheel that are in the public domain or under CC0 and show
one clear object. ``polygons.json`` names the license of each and outlines the object, in pixels
(x, y) of the photo; holes are where the background shows through.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from common.errors import MissingPackageError
from common.images.photos import Bytes, read_photo

POLYGONS = Path(__file__).with_name("polygons.json")


class EmbeddedPhoto(NamedTuple):
    """A photo (H, W, 3) uint8 and its mask (H, W) uint8 of 0 and 255."""

    name: str
    photo: Bytes
    mask: Bytes


def embedded_photos() -> list[EmbeddedPhoto]:
    """Load all embedded photos, sorted by name.

    Raises:
        InputError: if scikit-image, whose photos these are, is not installed or has other ones.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise MissingPackageError(
            "scikit-image is not installed, expected for its photos; install it"
        )
    folder = Path(spec.origin).parent / "data"
    outlines: dict[str, Any] = json.loads(POLYGONS.read_text(encoding="utf-8"))
    found = []
    for name, outline in outlines.items():
        photo = read_photo(folder / outline["file"])
        if list(photo.shape[:2]) != outline["size"]:
            raise MissingPackageError(
                f"{folder / outline['file']}: {photo.shape[:2]} pixels, expected "
                f"{tuple(outline['size'])}; install scikit-image 0.25"
            )
        found.append(EmbeddedPhoto(name, photo, draw_mask(outline)))
    return found


def draw_mask(outline: dict[str, Any]) -> Bytes:
    """Draw the mask (H, W) uint8 of an entry of ``polygons.json``."""
    height, width = outline["size"]
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    for fill, key in ((255, "polygons"), (0, "holes")):
        for polygon in outline[key]:
            draw.polygon([(x, y) for x, y in polygon], fill=fill)
    return np.array(mask)
