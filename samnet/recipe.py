"""Training recipes: what ``--preset`` names."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from samnet.augment import Augmentation
from samnet.losses import Loss


@dataclasses.dataclass(frozen=True)
class Phase:
    """A stretch of training at one input size.

    Args:
        size: height and width in pixels.
        epochs: passes over the training photos, fractions too.
    """

    size: int
    epochs: float


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides what training does to the weights.

    Args:
        phases: one after the other, progressive resizing if their sizes grow.
        batch: photos a step, over all processes.
        learning_rate: its highest value.
        schedule: ``poly`` falls as (1 - epoch / epochs)^0.9 in steps of an epoch, as the paper's;
            ``cosine`` falls as a cosine, step by step.
        warm_up: share of all steps in which the learning rate rises from 0.
        weight_decay: Adam's L2 penalty, or AdamW's decay where ``decoupled``.
        decoupled: AdamW in place of Adam.
        loss: ``bce`` is the paper's.
        average: decay of the exponential moving average of the weights; 0 for none.
        clip: largest norm of the gradients; 0 for no limit.
        imitation: weight of the feature imitation loss at the start, falling linearly to 0 by the
            end; 0 trains without a teacher.
        range: weight of the penalty on attention logits and outputs of SAM modules that exceed
            the ranges of :mod:`samnet.ranges` at the end, rising linearly from 0; 0 for none.
        augmentation: of photos and masks.
    """

    phases: tuple[Phase, ...]
    batch: int = 20
    learning_rate: float = 5e-4
    schedule: Literal["poly", "cosine"] = "poly"
    warm_up: float = 0.0
    weight_decay: float = 1e-4
    decoupled: bool = False
    loss: Loss = "bce"
    average: float = 0.0
    clip: float = 0.0
    imitation: float = 0.0
    range: float = 0.0
    augmentation: Augmentation = Augmentation()

    def learning_rate_at(self, progress: float, epoch: int) -> float:
        """The learning rate.

        Args:
            progress: share of all steps done, 0 to 1.
            epoch: whole epochs done.
        """
        if progress < self.warm_up:
            return self.learning_rate * progress / self.warm_up
        if self.schedule == "poly":
            epochs = sum(phase.epochs for phase in self.phases)
            return self.learning_rate * max(0.0, 1 - epoch / epochs) ** 0.9
        done = (progress - self.warm_up) / (1 - self.warm_up)
        return self.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


RECIPES = {
    "paper": Recipe(phases=(Phase(336, 50),)),
    "fast": Recipe(
        phases=(Phase(128, 8), Phase(192, 2), Phase(256, 1)),
        batch=16,
        learning_rate=2e-3,
        schedule="cosine",
        warm_up=0.04,
        decoupled=True,
        loss="bce+iou",
        average=0.998,
        clip=5.0,
        imitation=2.0,
        range=0.1,
    ),
}
"""The paper's recipe (Section IV-A) and one for a machine without a GPU."""
