"""The schedule of a run: the photos and the size of every step."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

import torch
from torch import Tensor

from samnet.networks.config import MIN_SIZE
from samnet.training.recipe import Recipe

UNLABELED_ORDER = 1 << 40
"""Keeps the order of photos without masks apart from that of the others."""


@dataclasses.dataclass(frozen=True)
class Step:
    """Where training is.

    Args:
        number: steps done before this one.
        phase: index of the phase.
        size: the phase's, in pixels.
        shown: the size at which the network sees this step's photos.
        share: share of all steps done, 0 to 1.
    """

    number: int
    phase: int
    size: int
    shown: int
    share: float


class Schedule:
    """All steps of a run.

    Args:
        recipe: how to train.
        photos: how many there are to train on.
        seed: decides their order and the scales.
        unlabeled: numbers of the photos without masks, of which each batch has its share.
    """

    def __init__(
        self, recipe: Recipe, photos: int, seed: int, unlabeled: Tensor | None = None
    ) -> None:
        self.recipe, self.photos, self.seed = recipe, photos, seed
        self.unlabeled = torch.empty(0, dtype=torch.int64) if unlabeled is None else unlabeled
        share = recipe.unlabeled if len(self.unlabeled) else 0.0
        self.labeled_batch = max(1, recipe.batch - round(recipe.batch * share))
        """Photos of a step that have masks; epochs are passes over these."""

    def steps(self, done: int = 0) -> Iterator[Step]:
        """Yield the steps that are left after the first ``done``."""
        counts = [
            max(1, round(phase.epochs * self.photos / self.labeled_batch))
            for phase in self.recipe.phases
        ]
        total, start = sum(counts), 0
        for i, (phase, count) in enumerate(zip(self.recipe.phases, counts, strict=True)):
            for number in range(max(start, done), start + count):
                shown = self._shown_size(number, phase.size)
                yield Step(number, i, phase.size, shown, number / total)
            start += count

    def _shown_size(self, number: int, size: int) -> int:
        """Compute a phase's size times the scale whose turn it is, as a multiple of 32."""
        scales = self.recipe.scales
        if len(scales) == 1 and scales[0] == 1:
            return size
        if self.recipe.scales_by == "pass":
            scale = scales[number * self.labeled_batch // self.photos % len(scales)]
        else:
            scale = random.Random(f"{self.seed} {number}").choice(scales)
        return max(MIN_SIZE, round(size * scale / 32) * 32)

    def indices(self, step: int, rank: int, count: int) -> Tensor:
        """Choose which photos a process takes in a step; epochs follow one another seamlessly.

        Args:
            step: its number.
            rank: rank of the process.
            count: count of all processes.
        """
        labeled = self._drawn(step, self.labeled_batch, self.photos, 0)
        rest = self.recipe.batch - self.labeled_batch
        if not rest:
            return labeled[rank::count]
        drawn = self._drawn(step, rest, len(self.unlabeled), UNLABELED_ORDER)
        return torch.cat([labeled, self.unlabeled[drawn]])[rank::count]

    def _drawn(self, step: int, batch: int, photos: int, order: int) -> Tensor:
        """Draw a step's photos of as many as there are, in an order of its own for each pass."""
        first = step * batch
        orders: dict[int, Tensor] = {}
        chosen = []
        for position in range(first, first + batch):
            epoch = position // photos
            if epoch not in orders:
                generator = torch.Generator().manual_seed(order + self.seed * 100_003 + epoch)
                orders[epoch] = torch.randperm(photos, generator=generator)
            chosen.append(orders[epoch][position % photos])
        return torch.stack(chosen)
