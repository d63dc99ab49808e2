"""Steadies the maps of a video: a recursive filter over logits, gated by motion.

The state of the filter follows the picture by optical flow. Where the picture before, moved by the
same flow, looks like this one, logits are averaged over some frames; where it does not, because
something appears, turns or moves too fast to be followed, the new ones replace them.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.errors import InputError
from common.images.photos import Bytes
from edge_apps.maps.coding import LOGITS
from edge_apps.maps.motion import (
    Floats,
    box_means,
    optical_flow,
    pyramid,
    resize_flow,
    resize_planes,
    warp,
)
from edge_apps.maps.raw_map import RawMap

GRID = 64
"""Height and width in pixels of the pictures by which motion is found."""


@dataclasses.dataclass(frozen=True)
class Steadiness:
    """How maps are steadied. ``samnet bench steadiness`` measures what the defaults do.

    Args:
        frames: that logits are averaged over where the picture stays as it was, at least 1; as
            many as there are at first, then with weights that fade.
        still: change of a color, in levels of 255, up to which the picture is as it was.
        moved: change from which the new logits replace the old ones.
        cut: a larger share of the picture that has changed so is another scene.
        bound: logits are averaged within plus and minus this; what exceeds it is added as it is.
            An object that the network was sure of for long thus outweighs a few new frames only.

    Raises:
        InputError: if one of them makes no sense.
    """

    frames: float = 10.0
    still: float = 16.0
    moved: float = 40.0
    cut: float = 0.5
    bound: float = 5.0

    def __post_init__(self) -> None:
        if not 1 <= self.frames < float("inf"):
            raise InputError(f"steadiness frames is {self.frames}, expected at least 1")
        if not 0 <= self.still < self.moved:
            raise InputError(
                f"steadiness still is {self.still} and moved {self.moved}, expected 0 or more and "
                "less than moved"
            )
        if not 0 < self.cut <= 1:
            raise InputError(f"steadiness cut is {self.cut}, expected above 0 to 1")
        if not self.bound > 0:
            raise InputError(f"steadiness bound is {self.bound}, expected above 0")


class SteadyFilter:
    """Steadies the logits of frame after frame; one thread uses it at a time.

    Args:
        settings: of the filter.

    Attributes:
        resets: how often the filter began anew, the first frame included.
    """

    def __init__(self, settings: Steadiness | None = None) -> None:
        self.settings = settings or Steadiness()
        self.resets = 0
        self._logits: Floats | None = None
        # Over how many frames each logit is averaged.
        self._counts: Floats = np.empty(0, np.float32)
        self._colors: Floats = np.empty(0, np.float32)
        self._pyramid: list[Floats] = []

    def reset(self) -> None:
        """Forget all frames so far: the next one is of another scene or source."""
        self._logits = None

    def __call__(self, logits: NDArray[np.float32], photo: Bytes) -> Floats:
        """Filter the logits of the next frame.

        Args:
            logits: the network's, (M, M).
            photo: the frame as its network saw it, (S, S, 3) uint8.

        Returns:
            (M, M) float32; those given, after a change of scene or of M.
        """
        reduced = Image.fromarray(photo).resize((GRID, GRID), Image.Resampling.BOX)
        colors = np.ascontiguousarray(np.asarray(reduced, np.float32).transpose(2, 0, 1))
        levels = pyramid(colors.mean(axis=0))
        bound = np.float32(self.settings.bound)
        within = np.clip(logits, -bound, bound)
        old = self._logits
        if old is None or old.shape != logits.shape:
            steadied = self._begin(within)
        else:
            steadied = self._follow(within, old, colors, levels)
        self._logits, self._colors, self._pyramid = steadied, colors, levels
        return steadied + (logits - within)

    def steady(self, raw: RawMap) -> RawMap:
        """Filter a network's map in bytes, coded as logits."""
        logits = self(raw.coding.logits(raw.map), raw.small)
        coding = dataclasses.replace(LOGITS, aligned=raw.coding.aligned)
        return RawMap(coding.bytes(logits), coding, raw.small)

    def _begin(self, logits: NDArray[np.float32]) -> Floats:
        self.resets += 1
        self._counts = np.ones(logits.shape, np.float32)
        return np.array(logits, np.float32)

    def _follow(
        self, logits: NDArray[np.float32], old: Floats, colors: Floats, levels: list[Floats]
    ) -> Floats:
        settings, side = self.settings, len(old)
        flow = optical_flow(levels, self._pyramid)
        state = np.stack((old, self._counts))
        if side == GRID:
            moved = warp(np.concatenate((self._colors, state)), flow)
            before, state = moved[:3], moved[3:]
        else:
            before, state = warp(self._colors, flow), warp(state, resize_flow(flow, side))
        change = box_means(np.abs(before - colors).max(axis=0)[None], 1)
        change -= np.float32(settings.still)
        change *= np.float32(1 / (settings.moved - settings.still))
        gate = np.clip(change, 0, 1, out=change)
        if gate.mean() > settings.cut:
            return self._begin(logits)
        kept, counts = state
        counts *= 1 - resize_planes(gate, side)[0]
        counts += 1
        self._counts = np.minimum(counts, np.float32(settings.frames))
        return np.asarray(kept + (logits - kept) / self._counts)
