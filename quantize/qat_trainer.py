"""Trains a network with fake quantization, with the float network as its teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from common.errors import TrainingDivergedError
from common.progress import progress
from quantize.fake_quant_network import FakeQuantNetwork
from quantize.qat_schedule import QatSchedule
from quantize.recipes import STATIC_WI8_AI8, Recipe
from samnet.checkpoints.checkpoint import Checkpoint
from samnet.data.packed import PackedPairs
from samnet.networks.deployed import DeployedNetwork
from samnet.networks.layers import enlarge
from samnet.training.augmentation import Augmentation, change_colors, crop, normalize
from samnet.training.first_nonfinite import ADVICE, first_nonfinite, nonfinite_gradient
from samnet.training.weight_averaging import moving_average


def distillation_loss(
    logits: Tensor, truth: Tensor, teacher: Tensor, weight: float, *, aligned: bool = True
) -> Tensor:
    """Add the cross-entropy with the mask and, weighted, with the float network's map.

    Args:
        logits: (N, 1, M, M), the int8 network's.
        truth: (N, 1, S, S) in 0 to 1.
        teacher: (N, 1, M, M), the float network's.
        weight: weight of the second term.
        aligned: how maps are enlarged, see :func:`samnet.networks.layers.enlarge`.
    """
    # Enlarged as in the training of the float network and wherever maps are used.
    size = (truth.shape[-2], truth.shape[-1])
    found, wanted = (enlarge(it, size, aligned=aligned) for it in (logits, teacher))
    loss = F.binary_cross_entropy_with_logits
    return loss(found, truth) + weight * loss(found, torch.sigmoid(wanted))


class QuantizationTraining:
    """Trains a student with the network it was made from as its teacher.

    Args:
        checkpoint: the float network.
        pairs: pairs to train on, at the size at which the network will run.
        schedule: see there.
        recipe: recipe of the int8 network.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        pairs: PackedPairs,
        schedule: QatSchedule,
        recipe: Recipe = STATIC_WI8_AI8,
    ) -> None:
        self.schedule = schedule
        self.pairs = pairs
        self.preprocessing = checkpoint.preprocessing
        self.teacher = DeployedNetwork(checkpoint.model, pairs.photos.shape[1]).eval()
        self.student = FakeQuantNetwork(self.teacher, schedule.batch, recipe)
        # Its ranges are the student's own: averages of scales would fit no weights.
        self.averaged = AveragedModel(
            self.student.graph, multi_avg_fn=moving_average(schedule.average)
        )
        self.optimizer = torch.optim.Adam(self.student.parameters(), schedule.learning_rate)
        count = min(schedule.photos or len(pairs), len(pairs))
        self.steps_per_epoch = max(1, count // schedule.batch)
        self.steps = schedule.epochs * self.steps_per_epoch
        self.done = 0
        self.generator = torch.Generator()
        self.augmentation = Augmentation()

    def observe(self, photos: Tensor) -> None:
        """Find first activation ranges on photos (M, S, S, 3) uint8."""
        # The graph has one batch size: the last batch is filled up from the start.
        batch = self.schedule.batch
        full = torch.arange(-(-len(photos) // batch) * batch) % len(photos)

        def batches() -> Iterator[Tensor]:
            for part in photos[full].split(batch):
                yield normalize(part.permute(0, 3, 1, 2).float() / 255, self.preprocessing)

        self.student.observe(batches())

    def epoch(self, number: int, log: Callable[[dict[str, Any]], None] = lambda _: None) -> float:
        """Train for one epoch; return its mean loss.

        Args:
            number: number of the epoch, from 0.
            log: is given the figures of every 20th step.

        Raises:
            TrainingDivergedError: if the loss or a gradient is not finite; with the place.
        """
        first, losses = number * self.steps_per_epoch, []
        # Seeded by the epoch and the step, so that a resumed run draws what an unbroken one would.
        order = torch.randperm(len(self.pairs), generator=self._seeded(-1 - number))
        steps = range(first, first + self.steps_per_epoch)
        for step in progress(steps, len(steps), f"epoch {number + 1}"):
            share = step / self.steps
            rate = self.schedule.learning_rate_at(share)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            if self.schedule.freezes_at(share):
                self.student.freeze_ranges()
            start = (step - first) * self.schedule.batch
            index = order[torch.arange(start, start + self.schedule.batch) % len(order)]
            self._seeded(step)
            losses.append(self._step(index))
            self.done = step + 1
            if self.done % 20 == 0:
                log({"step": self.done, "lr": rate, "loss": losses[-1]})
        return sum(losses) / len(losses)

    def exported(self) -> torch.export.ExportedProgram:
        """Export the int8 program of the averaged weights and the present ranges."""
        return self.student.exported(self.averaged.module.state_dict())

    def state(self) -> dict[str, Any]:
        """Return all that resuming at the end of an epoch needs."""
        return {
            "done": self.done,
            "graph": self.student.graph.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`state` gave."""
        self.done = state["done"]
        self.student.graph.load_state_dict(state["graph"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _seeded(self, number: int) -> torch.Generator:
        return self.generator.manual_seed(self.schedule.seed * 1_000_003 + number + 2**20)

    def _step(self, index: Tensor) -> float:
        raw, masks = self.pairs.batch(index, torch.device("cpu"))
        crops = self.augmentation.draw_crops(len(index), self.generator)
        size = (raw.shape[2], raw.shape[3])
        both = crop(torch.cat([raw, masks], 1).float() / 255, crops, size)
        changes = self.augmentation.draw_colors(len(index), self.generator)
        colors = change_colors(both[:, :3], changes)
        # The int8 input holds whole bytes, and so do the photos it will be given.
        x = normalize((colors * 255).round() / 255, self.preprocessing)
        with torch.no_grad():
            target = self.teacher(x)
        try:
            logits = self.student(x)
        except (AssertionError, RuntimeError) as error:  # of observers, which refuse what is NaN
            if where := first_nonfinite(self.student.graph, x):
                raise self._broken("a value is not finite", where) from error
            raise
        weight, aligned = self.schedule.distillation, self.teacher.aligned
        loss = distillation_loss(logits, both[:, 3:], target, weight, aligned=aligned)
        if not torch.isfinite(loss):
            where = first_nonfinite(self.student.graph, x) or "the loss itself"
            raise self._broken(f"the loss is {loss.item()}", where)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        if not torch.isfinite(norm):
            where = nonfinite_gradient(self.student.graph) or "the gradients' norm"
            raise self._broken(f"the gradient is {norm.item()}", where)
        self.optimizer.step()
        self.averaged.update_parameters(self.student.graph)
        return loss.item()

    def _broken(self, what: str, where: str) -> TrainingDivergedError:
        return TrainingDivergedError(
            f"step {self.done + 1} of {self.steps}: {what}, first at {where}; {ADVICE}"
        )
