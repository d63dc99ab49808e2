"""Training of a network with fake quantisation, its float origin being its teacher."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from edge_apps.errors import InputError
from quantize.student import Student
from samnet.augment import Augmentation, crop, normalise
from samnet.checkpoint import Checkpoint
from samnet.data.packed import PackedPairs
from samnet.deployment import DeployedNetwork
from samnet.progress import progress


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast a student learns.

    Args:
        epochs: how many.
        photos: in an epoch, drawn anew for each; all of them if None.
        batch: photos in a step.
        learning_rate: of Adam at the start; it falls to zero with a power of 0.9.
        distillation: weight of the teacher's maps as targets, beside the masks.
        freeze: share of the training after which activation ranges stay as they are.
        seed: of everything random.
    """

    epochs: int = 3
    photos: int | None = 2000
    batch: int = 8
    learning_rate: float = 2e-5
    distillation: float = 1.0
    freeze: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.photos or 1) < 1:
            raise InputError(
                f"{self.epochs} epochs of {self.photos} photos in batches of {self.batch}; "
                "each must be at least 1"
            )


def distillation_loss(probability: Tensor, truth: Tensor, teacher: Tensor, weight: float) -> Tensor:
    """Binary cross-entropy with the mask and, weighted, with the float network's map.

    Args:
        probability: (N, 1, S, S), the int8 network's.
        truth: (N, 1, S, S) in 0 to 1.
        teacher: (N, 1, S, S), the float network's.
        weight: of the second term.
    """
    # Codes reach 0 exactly, where the logarithm ends.
    p = probability.clamp(1 / 512, 1 - 1 / 512)
    return F.binary_cross_entropy(p, truth) + weight * F.binary_cross_entropy(p, teacher)


class QuantizationTraining:
    """Trains a student with the network it was made from as its teacher.

    Args:
        checkpoint: the float network.
        pairs: to train on, at the size at which the network will run.
        schedule: see there.
    """

    def __init__(self, checkpoint: Checkpoint, pairs: PackedPairs, schedule: Schedule) -> None:
        self.schedule = schedule
        self.pairs = pairs
        self.preprocessing = checkpoint.preprocessing
        self.teacher = DeployedNetwork(checkpoint.model, pairs.photos.shape[1]).eval()
        self.student = Student(self.teacher, schedule.batch)
        self.optimizer = torch.optim.Adam(self.student.parameters(), schedule.learning_rate)
        count = min(schedule.photos or len(pairs), len(pairs))
        self.steps_per_epoch = max(1, count // schedule.batch)
        self.steps = schedule.epochs * self.steps_per_epoch
        self.generator = torch.Generator().manual_seed(schedule.seed)
        self.augmentation = Augmentation()

    def observe(self, photos: Tensor) -> None:
        """Finds first activation ranges on photos (M, S, S, 3) uint8."""
        # The graph has one batch size: the last batch is filled up from the start.
        batch = self.schedule.batch
        full = torch.arange(-(-len(photos) // batch) * batch) % len(photos)

        def batches() -> Iterator[Tensor]:
            for part in photos[full].split(batch):
                yield normalise(part.permute(0, 3, 1, 2).float() / 255, self.preprocessing)

        self.student.observe(batches())

    def epoch(self, number: int) -> float:
        """Trains for one epoch; returns its mean loss.

        Raises:
            InputError: if the loss is not finite.
        """
        first, losses = number * self.steps_per_epoch, []
        order = torch.randperm(len(self.pairs), generator=self.generator)
        steps = range(first, first + self.steps_per_epoch)
        for step in progress(steps, len(steps), f"epoch {number + 1}"):
            share = step / self.steps
            for group in self.optimizer.param_groups:
                group["lr"] = self.schedule.learning_rate * (1 - share) ** 0.9
            if share >= self.schedule.freeze:
                self.student.freeze_ranges()
            start = (step - first) * self.schedule.batch
            index = order[torch.arange(start, start + self.schedule.batch) % len(order)]
            losses.append(self._step(index))
        return sum(losses) / len(losses)

    def _step(self, index: Tensor) -> float:
        raw, masks = self.pairs.batch(index, torch.device("cpu"))
        crops = self.augmentation.draw_crops(len(index), self.generator)
        size = (raw.shape[2], raw.shape[3])
        both = crop(torch.cat([raw, masks], 1).float() / 255, crops, size)
        colours = self.augmentation.change_colours(both[:, :3], self.generator)
        # The int8 input holds whole bytes, and so do the photos it will be given.
        x = normalise((colours * 255).round() / 255, self.preprocessing)
        with torch.no_grad():
            target = self.teacher(x)
        loss = distillation_loss(self.student(x), both[:, 3:], target, self.schedule.distillation)
        if not torch.isfinite(loss):
            raise InputError(f"the loss is {loss.item()}; lower --learning-rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()
