"""Estimates the motion between two pictures: dense optical flow on a small grid, in NumPy alone.

The least squares of Lucas and Kanade (1981) in a window around each pixel, from a coarse grid to
the finest one (Bouguet, "Pyramidal Implementation of the Lucas Kanade Feature Tracker", 2000).
Means and enlargements are products with small matrices, which take microseconds on such grids.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LEVELS = 4
"""Grids of a pyramid, each half as wide as the one before."""

RADIUS = 3
"""Of a window, in pixels of each grid; windows are squares of 2 * radius + 1."""

FLAT = 1.0
"""Squared gradient, in gray levels of 255, below which a window says nothing of its motion."""


def pyramid(gray: Floats) -> list[Floats]:
    """Halve a picture (G, G) again and again, the largest first; G is a multiple of 8."""
    levels = [gray]
    while len(levels) < LEVELS:
        halved = _halves(len(levels[-1]))
        levels.append(np.asarray(halved @ levels[-1] @ halved.T, np.float32))
    return levels


def optical_flow(now: Sequence[Floats], before: Sequence[Floats]) -> Floats:
    """Find where each pixel of a picture came from, by the pyramids of it and the one before.

    Returns:
        (2, G, G): how far to the right, and how far below, its place in the picture before lies,
        in pixels.
    """
    flow = np.zeros((2, *now[-1].shape), np.float32)
    for level, earlier in zip(reversed(now), reversed(before), strict=True):
        flow = resize_flow(flow, len(level))
        change = level - warp(earlier[None], flow)[0]
        slope = _slopes(len(level))
        right, down = level @ slope.T, slope @ level
        products = np.stack(
            (right * right, down * down, right * down, right * change, down * change)
        )
        means = box_means(products, RADIUS)
        means[:2] += np.float32(FLAT)
        rr, dd, rd, rc, dc = means
        determinant = rr * dd - rd * rd
        flow[0] += (dd * rc - rd * dc) / determinant
        flow[1] += (rr * dc - rd * rc) / determinant
    return flow


def warp(planes: Floats, flow: Floats) -> Floats:
    """Move planes (N, G, G) of the picture before to where they lie now, bilinearly."""
    side = planes.shape[2]
    index = np.arange(side, dtype=np.float32)
    right = np.clip(index + flow[0], 0, side - 1.001)
    down = np.clip(index[:, None] + flow[1], 0, side - 1.001)
    left, top = right.astype(np.intp), down.astype(np.intp)
    right -= left
    down -= top
    first = top * side + left
    flat = planes.reshape(len(planes), -1)
    upper: Floats = flat.take(first, 1)
    lower = flat.take(first + side, 1)
    upper += (flat.take(first + 1, 1) - upper) * right
    lower += (flat.take(first + side + 1, 1) - lower) * right
    upper += (lower - upper) * down
    return upper


def resize_flow(flow: Floats, side: int) -> Floats:
    """Resize a flow (2, G, G) to pictures of another size, (2, side, side), in their pixels."""
    if side == flow.shape[2]:
        return flow
    return resize_planes(flow, side) * np.float32(side / flow.shape[2])


def resize_planes(planes: Floats, side: int) -> Floats:
    """Resize planes (N, G, G) bilinearly to (N, side, side)."""
    if side == planes.shape[2]:
        return planes
    matrix = _enlargement(planes.shape[2], side)
    return np.asarray(matrix @ planes @ matrix.T)


def box_means(planes: Floats, radius: int) -> Floats:
    """Average planes (N, G, G) over windows of 2 * radius + 1 that end at the borders."""
    matrix = windows(planes.shape[2], radius)
    return np.asarray(matrix @ planes @ matrix.T)


@functools.cache
def _halves(side: int) -> Floats:
    """Build the means of two, (side / 2, side)."""
    return np.kron(np.eye(side // 2), [[0.5, 0.5]]).astype(np.float32)


@functools.cache
def _slopes(side: int) -> Floats:
    """Build central differences, 0 at the borders, (side, side)."""
    slopes = (np.eye(side, k=1) - np.eye(side, k=-1)) / 2
    slopes[[0, -1]] = 0
    return slopes.astype(np.float32)


@functools.cache
def windows(side: int, radius: int) -> Floats:
    """Build what turns a line of values into their means over windows, (side, side)."""
    index = np.arange(side)
    inside = np.abs(index[:, None] - index) <= radius
    windows: Floats = (inside / inside.sum(axis=1, keepdims=True)).astype(np.float32)
    return windows


@functools.cache
def _enlargement(side: int, target: int) -> Floats:
    """Build the shares of old positions in new ones, (target, side)."""
    position = np.clip((np.arange(target) + 0.5) * (side / target) - 0.5, 0, side - 1)
    before = np.minimum(position.astype(np.intp), side - 2)
    shares = np.zeros((target, side), np.float32)
    index = np.arange(target)
    shares[index, before] = 1 - (position - before)
    shares[index, before + 1] = position - before
    return shares
