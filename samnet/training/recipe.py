"""Training recipes, the presets of ``--preset``."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, get_args, get_type_hints

from common.errors import InputError
from samnet.networks.config import MIN_SIZE, STAGES
from samnet.training.augmentation import Augmentation
from samnet.training.losses import Loss


@dataclasses.dataclass(frozen=True)
class Phase:
    """A stretch of training at one input size.

    Args:
        size: height and width in pixels.
        epochs: passes over the training photos, fractions too.
    """

    size: int
    epochs: float

    def __post_init__(self) -> None:
        if self.size < MIN_SIZE or not 0 < self.epochs < math.inf:
            raise InputError(
                f"phase {self.size}:{self.epochs:g} has {self.size} px and {self.epochs:g} epochs, "
                f"expected at least {MIN_SIZE} px and more than 0 epochs; write it as 192:2.5"
            )


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
        scales: multiples of a phase's size at which the network sees the photos.
        scales_by: ``step`` draws one for each step, ``pass`` takes the next with each pass over
            the photos, as the released code does.
        loss: ``bce`` is the paper's.
        trunk_rate: the encoder's share of the learning rate, below 1 where it was pretrained.
        frozen_stages: first stages of the encoder that keep their weights.
        average: decay of the exponential moving average of the weights; 0 for none.
        clip: largest norm of the gradients; 0 for no limit.
        imitation: weight of the feature imitation loss at the start, falling linearly to 0 by the
            end; 0 trains without a teacher.
        range: weight of the penalty on attention logits and outputs of SAM modules that exceed
            the ranges of :mod:`samnet.training.activation_ranges` at the end, rising linearly from
            0; 0 for none.
        soft: share of the teacher's maps in the truth of photos with masks, where a teacher's
            file is given.
        features: weight of the loss between the backbone's features and the teacher's at the
            start, falling linearly to 0 by the end; 0 for none.
        unlabeled: share of photos without masks in a batch, where there are any.
        augmentation: augmentation of photos and masks.
    """

    phases: tuple[Phase, ...]
    batch: int = 20
    learning_rate: float = 5e-4
    schedule: Literal["poly", "cosine"] = "poly"
    warm_up: float = 0.0
    weight_decay: float = 1e-4
    decoupled: bool = False
    scales: tuple[float, ...] = (1.0,)
    scales_by: Literal["step", "pass"] = "step"
    loss: Loss = "bce"
    trunk_rate: float = 1.0
    frozen_stages: int = 0
    average: float = 0.0
    clip: float = 0.0
    imitation: float = 0.0
    range: float = 0.0
    soft: float = 0.5
    features: float = 0.0
    unlabeled: float = 0.5
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        if self.batch < 1 or not self.phases or not self.scales or min(self.scales) <= 0:
            raise InputError(
                f"batch {self.batch}, phases {self.phases} and scales {self.scales}: expected at "
                "least one photo a step, one phase and scales above 0"
            )
        if not (0 <= self.trunk_rate <= 1 and 0 <= self.frozen_stages <= STAGES):
            raise InputError(
                f"trunk_rate {self.trunk_rate} and frozen_stages {self.frozen_stages}: expected a "
                f"share from 0 to 1 and a count from 0 to {STAGES}"
            )
        if not (0 <= self.soft <= 1 and 0 <= self.unlabeled < 1 and self.features >= 0):
            raise InputError(
                f"soft {self.soft:g}, unlabeled {self.unlabeled:g} and features "
                f"{self.features:g}: expected shares of 0 to 1, of unlabeled photos below 1, and "
                "no weight below 0"
            )
        for name, value in (
            ("schedule", self.schedule),
            ("scales_by", self.scales_by),
            ("loss", self.loss),
        ):
            allowed = get_args(get_type_hints(type(self))[name])
            if value not in allowed:
                raise InputError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")

    def learning_rate_at(self, progress: float, epoch: int) -> float:
        """Compute the learning rate.

        Args:
            progress: share of all steps done, 0 to 1.
            epoch: whole epochs done.
        """
        if progress < self.warm_up:
            return self.learning_rate * progress / self.warm_up
        if self.schedule == "poly":
            epochs = sum(phase.epochs for phase in self.phases)
            share: float = max(0.0, 1 - epoch / epochs) ** 0.9
            return self.learning_rate * share
        done = (progress - self.warm_up) / (1 - self.warm_up)
        return self.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


PAPER = Recipe(
    phases=(Phase(336, 50),),
    augmentation=Augmentation(min_crop=1.0, flip=0.0, brightness=0.0, contrast=0.0, saturation=0.0),
)

RECIPES = {
    "paper": PAPER,
    "released": dataclasses.replace(
        PAPER,
        # An epoch of the released code is five passes, one at each scale.
        phases=(Phase(336, 250),),
        scales=(2.0, 1.5, 1.25, 0.75, 1.0),
        scales_by="pass",
        augmentation=Augmentation(
            flip=0.0, vertical_flip=0.5, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1
        ),
    ),
    "modern": Recipe(
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
    "finetune": Recipe(
        phases=(Phase(192, 15),),
        batch=16,
        learning_rate=1e-3,
        schedule="cosine",
        warm_up=0.01,
        weight_decay=0.01,
        decoupled=True,
        scales=(5 / 6, 1.0, 7 / 6),
        loss="bce+iou",
        trunk_rate=0.2,
        frozen_stages=2,
        average=0.998,
        clip=5.0,
    ),
}
"""What the paper says (Section IV-A; it names no augmentation), what its released code does
besides, what is best here for a network without pretraining, and for one whose encoder was
pretrained on ImageNet."""
