"""The demo's gallery: photos with the maps of every form and their differences, for a page."""

from __future__ import annotations

from typing import Any

from benchmarks.demo.comparison import Bytes, Comparison
from benchmarks.shared.pictures import data_uri, difference
from common.images.photos import overlay, resize_map, resize_photo
from common.map_accuracy import mean_absolute_error
from common.map_difference import pixel_difference

SHOWN = 420
"""Longest side of a picture in pixels; figures are computed at full size."""


def scenes(comparison: Comparison) -> list[dict[str, Any]]:
    """Gather pictures and figures of every photo, for the template ``photos.html``."""
    return [_scene(comparison, index) for index in range(len(comparison.scenes))]


def _scene(comparison: Comparison, index: int) -> dict[str, Any]:
    scene = comparison.scenes[index]
    maps = [of_row[index] for of_row in comparison.maps]
    size = _shown(scene.photo)
    photo = resize_photo(scene.photo, size)
    small = [resize_map(saliency_map, size) for saliency_map in maps]
    # The last row's map is laid over the photo: the last form is the one furthest from training.
    return {
        "name": scene.name,
        "height": size[0],
        "width": size[1],
        "photo": data_uri(photo, "JPEG"),
        "overlay": data_uri(overlay(photo, small[-1]), "JPEG"),
        "mask": data_uri(resize_map(scene.mask, size), "PNG"),
        "maps": [
            {
                "label": row.candidate.label,
                "picture": data_uri(small[k], "PNG"),
                "mae": mean_absolute_error(maps[k], scene.mask),
                "difference": data_uri(difference(small[k], small[0]), "PNG"),
                "mean": float(pixel_difference(maps[k], maps[0]).mean()),
                "most": int(pixel_difference(maps[k], maps[0]).max()),
            }
            for k, row in enumerate(comparison.rows)
        ],
    }


def _shown(photo: Bytes) -> tuple[int, int]:
    height, width = photo.shape[:2]
    factor = min(1.0, SHOWN / max(height, width))
    return round(height * factor), round(width * factor)
