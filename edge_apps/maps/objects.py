"""Finds the salient objects of a map: its connected parts above a threshold."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_apps.maps.raw_map import RawMap

Floats = NDArray[np.float32]

THRESHOLD = 0.5
"""Probability from which a pixel belongs to an object."""

SMALLEST = 1e-3
"""Parts of a smaller share of the map are left out: single pixels of a small map."""


@dataclasses.dataclass(frozen=True)
class SalientObject:
    """A connected part of a map.

    Args:
        box: left, top, right and bottom edge, in pixels of the photo from its upper left corner.
        centroid: x and y of the mean place, weighted by probability, likewise.
        area: share of the photo, 0 to 1.
        confidence: mean probability, 0 to 1.
    """

    box: tuple[float, float, float, float]
    centroid: tuple[float, float]
    area: float
    confidence: float

    @property
    def mass(self) -> float:
        """Area times confidence, by which the most salient object is found."""
        return self.area * self.confidence

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, rounded to what they tell."""
        return {
            "box": [round(it, 1) for it in self.box],
            "centroid": [round(it, 1) for it in self.centroid],
            "area": round(self.area, 5),
            "confidence": round(self.confidence, 4),
        }


def find_objects(
    logits: Floats, size: tuple[int, int], threshold: float = THRESHOLD
) -> list[SalientObject]:
    """Find all objects of a map, the one of the largest mass first.

    Args:
        logits: (M, N) of any size; those of a network's small map are found the fastest.
        size: (height, width) of the photo.
        threshold: probability from which a pixel belongs to an object, between 0 and 1. The edges
            of boxes lie where logits between two pixels would reach it, as in an enlarged map.
    """
    level = math.log(threshold / (1 - threshold))
    labels, count = label(logits >= level)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    large = [k for k in range(count) if areas[k] >= SMALLEST * logits.size]
    if not large:
        return []
    saliency_map = np.asarray(1 / (1 + np.exp(-logits)), np.float32)
    found = [_object(logits, saliency_map, labels == k + 1, size, level) for k in large]
    return sorted(found, key=lambda it: -it.mass)


def objects_of(raw: RawMap, size: tuple[int, int]) -> list[SalientObject]:
    """Find those of a network's map of a photo of ``size`` (height, width)."""
    saliency_map = raw.coding.placed(raw.map, len(raw.small), raw.map.shape)
    return find_objects(raw.coding.logits(saliency_map), size)


def label(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Give numbers to the connected parts of a mask (H, W); pixels may touch at a corner.

    Runs of rows are joined by union-find, which is quick for the few of a small map.

    Returns:
        (H, W) int32 with 0 where the mask is not set, and the number of parts.
    """
    height, width = mask.shape
    # A column of False between the rows keeps runs apart.
    padded = np.zeros((height, width + 1), np.int8)
    padded[:, :width] = mask
    edges = np.flatnonzero(np.diff(padded.ravel(), prepend=0, append=0))
    starts, ends = edges[::2], edges[1::2]
    rows = starts // (width + 1)
    lefts, rights = (starts % (width + 1)).tolist(), ((ends - 1) % (width + 1) + 1).tolist()
    firsts = np.searchsorted(rows, np.arange(height + 1)).tolist()
    parents = list(range(len(starts)))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    for row in range(1, height):
        above, last_above = firsts[row - 1], firsts[row]
        for run in range(firsts[row], firsts[row + 1]):
            while above < last_above and rights[above] < lefts[run]:
                above += 1
            other = above
            while other < last_above and lefts[other] <= rights[run]:
                parents[root(other)] = root(run)
                other += 1
    roots = [root(run) for run in range(len(starts))]
    numbers = {run: number for number, run in enumerate(dict.fromkeys(roots), start=1)}
    changes = np.zeros(padded.size + 1, np.int32)
    values = np.array([numbers[run] for run in roots], np.int32)
    changes[starts] += values
    changes[ends] -= values
    labels = np.cumsum(changes[:-1], dtype=np.int32).reshape(height, width + 1)[:, :width]
    return labels, len(numbers)


def _object(
    logits: Floats,
    shares: Floats,
    own: NDArray[np.bool_],
    size: tuple[int, int],
    level: float,
) -> SalientObject:
    """Measure one part of a map."""
    height, width = shares.shape
    weights = np.where(own, shares, 0).astype(np.float64)
    total, scale = weights.sum(), (size[1] / width, size[0] / height)
    centroid = (
        float((weights.sum(0) @ (np.arange(width) + 0.5)) / total * scale[0]),
        float((weights.sum(1) @ (np.arange(height) + 0.5)) / total * scale[1]),
    )
    left, right = _extent(logits, own, level)
    top, bottom = _extent(logits.T, own.T, level)
    box = (left * scale[0], top * scale[1], right * scale[0], bottom * scale[1])
    area = int(own.sum())
    return SalientObject(box, centroid, area / own.size, float(total / area))


def _extent(logits: Floats, own: NDArray[np.bool_], level: float) -> tuple[float, float]:
    """Find where a part begins and ends from left to right, in pixels of the map."""
    columns = np.flatnonzero(own.any(axis=0))
    first, last = int(columns[0]), int(columns[-1])
    return (
        first + 0.5 - _reach(logits, own, first, first - 1, level),
        last + 0.5 + _reach(logits, own, last, last + 1, level),
    )


def _reach(
    logits: Floats, own: NDArray[np.bool_], column: int, outside: int, level: float
) -> float:
    """Tell how far a part reaches beyond its last column's middle, at most 1; 0.5 at a border."""
    if not 0 <= outside < logits.shape[1]:
        return 0.5
    rows = own[:, column]
    inner, outer = logits[rows, column], logits[rows, outside]
    return float(((inner - level) / np.maximum(inner - outer, 1e-6)).max().clip(0, 1))
