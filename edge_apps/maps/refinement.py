"""Guided refinement: enlarges a network's small map along the photo's edges.

A fast guided filter (He, Sun, "Fast Guided Filter", arXiv 1505.00996; He, Sun, Tang, "Guided Image
Filtering", 2013, section 3.5 for a photo in color): in every window of a coarse grid the logits
are the linear function of the photo's colors that fits them best, and these functions, averaged
and enlarged, are applied to the photo as it is.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.errors import InputError
from common.images.photos import Bytes
from edge_apps.maps.coding import Coding

Floats = NDArray[np.float32]

GRID = 64
"""Height and width of the grid on which functions are fitted, or the network's input's if smaller.

Finer ones cost more and give the same maps: what they fit is smaller still."""

STEP = 0.05
"""Of the table of sigmoids, in logits: 256 entries reach from 0.0017 to 0.9983."""

BLOCK = 1 << 14
"""Pixels that are computed at once, few enough for a small processor's cache."""


@dataclasses.dataclass(frozen=True)
class Refinement:
    """How a map is refined. The defaults were chosen on held-out training photos.

    Args:
        radius: radius of a window, in pixels of the grid; windows are squares of 2 * radius + 1.
        eps: by how much colors have to vary within a window before logits follow them, as a
            variance of values from 0 to 1.
        slope: factor of the refined logits; a filter's averages lie nearer to 0 than its input.
        bound: how far a logit may move. Where a window is as large as an object, the best fit
            carves holes into it; one that its network is sure of stays.

    Raises:
        InputError: if one of them makes no sense.
    """

    radius: int = 3
    eps: float = 1e-4
    slope: float = 2.0
    bound: float = 3.0

    def __post_init__(self) -> None:
        if self.radius < 1:
            raise InputError(f"refinement radius is {self.radius}, expected at least 1")
        for name in ("eps", "slope", "bound"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise InputError(f"refinement {name} is {value}, expected a positive number")

    def __call__(self, saliency_map: Bytes, coding: Coding, small: Bytes, photo: Bytes) -> Bytes:
        """Refine the map of a photo.

        Args:
            saliency_map: the network's, (M, M) uint8.
            coding: coding of the map.
            small: (S, S, 3) uint8, the photo as its network saw it.
            photo: (H, W, 3) uint8.

        Returns:
            (H, W) uint8, 255 is salient.

        Raises:
            InputError: if a window would be larger than the photo.
        """
        side = len(small)
        grid = min(GRID, side)
        if 2 * self.radius + 1 > grid:
            raise InputError(
                f"refinement radius is {self.radius}, so a window of {2 * self.radius + 1} would "
                f"be larger than the photo, {grid} pixels on the filter's grid; expected at most "
                f"{(grid - 1) // 2}"
            )
        reduced = Image.fromarray(small).resize((grid, grid), Image.Resampling.BILINEAR)
        guide = np.array(reduced, np.float32).transpose(2, 0, 1)
        logits = coding.logits(coding.placed(saliency_map, side, (grid, grid)))
        slopes, offset = self._fit(guide / np.float32(255) - np.float32(0.5), logits)
        # In steps of the table, of a photo's bytes, and as what is added to the plain logits.
        scale = np.float32(self.slope / STEP)
        offset = (offset - logits - slopes.sum(0) * np.float32(0.5)) * scale
        slopes *= scale / np.float32(255)
        plain = logits * scale + np.float32(128)
        return _apply(slopes, offset, plain, photo, self.bound * float(scale))

    def _fit(self, guide: Floats, logits: Floats) -> tuple[Floats, Floats]:
        """Fit the averaged functions: slopes (3, G, G) and offset (G, G), for a guide (3, G, G)."""
        pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
        planes = [*guide, logits, *(guide[i] * guide[j] for i, j in pairs), *(guide * logits)]
        means = _means(np.stack(planes), self.radius)
        color, mean = means[:3], means[3]
        rr, rg, rb, gg, gb, bb = (
            means[4 + k] - color[i] * color[j] for k, (i, j) in enumerate(pairs)
        )
        r, g, b = means[10:] - color * mean
        for variance in (rr, gg, bb):
            variance += np.float32(self.eps)
        # The inverse of the symmetric matrix by its cofactors.
        c00, c01, c02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
        c11, c12, c22 = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
        fits = np.empty((4, *logits.shape), np.float32)
        fits[0] = c00 * r + c01 * g + c02 * b
        fits[1] = c01 * r + c11 * g + c12 * b
        fits[2] = c02 * r + c12 * g + c22 * b
        fits[:3] /= rr * c00 + rg * c01 + rb * c02
        fits[3] = mean - (fits[:3] * color).sum(0)
        averaged = _means(fits, self.radius)
        return averaged[:3], averaged[3]


def refinement_of(refine: bool | Refinement) -> Refinement | None:
    """Return the refinement that is asked for: a given one, the default one or none."""
    if isinstance(refine, Refinement):
        return refine
    return Refinement() if refine else None


def _means(planes: Floats, radius: int) -> Floats:
    """Average planes (N, G, G) over windows that end at the borders, by running sums."""
    side = planes.shape[2]
    for axis in (1, 2):
        sums = np.cumsum(planes, axis=axis).swapaxes(1, axis)
        planes = np.empty_like(planes)
        out = planes.swapaxes(1, axis)
        out[:, : side - radius] = sums[:, radius:]
        out[:, side - radius :] = sums[:, -1:]
        out[:, radius + 1 :] -= sums[:, : side - radius - 1]
    return planes * _shares(side, radius)


@functools.lru_cache(maxsize=8)
def _shares(side: int, radius: int) -> Floats:
    """Compute one over the number of positions in each window, (G, G)."""
    index = np.arange(side)
    count = np.minimum(index + radius, side - 1) - np.maximum(index - radius, 0) + 1
    return (1 / np.outer(count, count)).astype(np.float32)


def _apply(slopes: Floats, offset: Floats, plain: Floats, photo: Bytes, bound: float) -> Bytes:
    """Apply the functions of a photo's bytes to the plain logits; return the sigmoid.

    Args:
        slopes: (3, G, G).
        offset: (G, G).
        plain: (G, G), in steps of the table.
        photo: (H, W, 3).
        bound: how much may be added.
    """
    height, width = photo.shape[:2]
    side = len(plain)
    # Colors stand side by side, as in the photo, whose rows they multiply.
    colors = _stretched(np.ascontiguousarray(slopes.transpose(1, 2, 0)), width)
    others = np.empty((side, 2 * width), np.float32)
    others[:, :width] = _stretched(offset[..., None], width)
    others[:, width:] = _stretched(plain[..., None], width)
    rows = np.ascontiguousarray(photo).reshape(height, -1)
    ones = np.ones(3, np.float32)
    codes = np.empty((height, width), np.uint8)
    most = min(height, max(1, BLOCK // width))
    # Written to again and again: fresh memory costs more than what is computed in it.
    products, rests, moves = (np.empty((most, n * width), np.float32) for n in (3, 2, 1))
    for start, end, top, bottom, shares in _blocks(side, height, most):
        product, rest, moved = (it[: end - start] for it in (products, rests, moves))
        np.matmul(shares, colors[top:bottom], out=product)
        product *= rows[start:end]
        np.matmul(product.reshape(-1, 3), ones, out=moved.reshape(-1))
        np.matmul(shares, others[top:bottom], out=rest)
        moved += rest[:, :width]
        np.clip(moved, -bound, bound, out=moved)
        moved += rest[:, width:]
        np.clip(moved, 0, 255, out=moved)
        codes[start:end] = moved
    table = bytearray(codes).translate(_sigmoids())
    return np.frombuffer(table, np.uint8).reshape(height, width)


def _stretched(planes: Floats, width: int) -> Floats:
    """Enlarge rows, the channels of a position side by side: (G, G, C) to (G, width * C)."""
    side, channels = len(planes), planes.shape[2]
    before, across = _positions(side, width)
    start, step = (np.take(planes, before + k, axis=1).reshape(side, -1) for k in (0, 1))
    step -= start
    step *= np.repeat(across, channels)
    step += start
    return step


def _positions(side: int, target: int) -> tuple[NDArray[np.intp], Floats]:
    """Return for each new position the old one before it, and its distance to the next."""
    position = (np.arange(target) + 0.5) * (side / target) - 0.5
    position = np.clip(position, 0, side - 1)
    before = np.minimum(position.astype(np.intp), side - 2)
    return before, (position - before).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _blocks(side: int, height: int, most: int) -> list[tuple[int, int, int, int, Floats]]:
    """Yield a photo's rows in blocks of so many at most.

    Returns:
        The first row and the one behind the last, the same of the grid's rows that are needed, and
        the shares that these have in each row.
    """
    before, down = _positions(side, height)
    blocks = []
    for start in range(0, height, most):
        end = min(height, start + most)
        top, bottom = int(before[start]), int(before[end - 1]) + 2
        shares = np.zeros((end - start, bottom - top), np.float32)
        index = np.arange(end - start), before[start:end] - top
        shares[index] = 1 - down[start:end]
        shares[index[0], index[1] + 1] = down[start:end]
        blocks.append((start, end, top, bottom, shares))
    return blocks


@functools.cache
def _sigmoids() -> bytes:
    """Compute the sigmoid of every step of the table, from 0 to 255."""
    logits = (np.arange(256) - 128) * STEP
    return bytes(np.rint(255 / (1 + np.exp(-logits))).astype(np.uint8))
