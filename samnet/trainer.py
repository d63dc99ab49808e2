"""A network in training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from edge_apps.errors import InputError
from edge_apps.files import replacing
from samnet.augment import crop, normalise
from samnet.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from samnet.data.layouts import find_pairs
from samnet.data.packed import PackedPairs
from samnet.data.split import holdout
from samnet.distributed import Processes
from samnet.imitation import Imitation, PackedFeatures
from samnet.learner import Learner
from samnet.metrics import SaliencyMetrics, Scores
from samnet.network import SAMNet
from samnet.preprocessing import Preprocessing
from samnet.recipe import Recipe
from samnet.results import environment
from samnet.train_options import TrainOptions, config_of
from samnet.transfer import adopt


def hardware(processes: Processes) -> str:
    """What training runs on, for the model card."""
    if processes.device.type == "cuda":
        return f"{processes.count} × {torch.cuda.get_device_name(processes.device)}"
    cpu = environment()["cpu"]
    return f"{processes.count * torch.get_num_threads()} thread(s) of {cpu}"


Weights = tuple[Tensor, ...] | list[Tensor]


def moving_average(decay: float) -> Callable[[Weights, Weights, Tensor | int], None]:
    """Exponential moving average that follows faster at first: early weights are poor."""

    def update(averaged: Weights, current: Weights, count: Tensor | int) -> None:
        ramp = (1 + int(count)) / (10 + int(count))
        get_ema_multi_avg_fn(min(decay, ramp))(averaged, current, count)

    return update


@dataclasses.dataclass(frozen=True)
class Step:
    """Where training is.

    Args:
        number: steps done before this one.
        phase: index of the phase.
        size: its input size.
        share: of all steps done, 0 to 1.
    """

    number: int
    phase: int
    size: int
    share: float


class Trainer:
    """A network in training, with all the state that resuming needs."""

    def __init__(self, options: TrainOptions, recipe: Recipe, processes: Processes) -> None:
        torch.manual_seed(options.seed)
        self.options, self.recipe, self.processes = options, recipe, processes
        device = processes.device
        data = find_pairs(options.data)
        self.pairs, self.validation_pairs = holdout(data.pairs, options.hold_out)
        self.model = SAMNet(config_of(options))
        self.before: dict[str, Any] | None = None
        if options.init is not None:
            start = load_checkpoint(options.init)
            adopt(self.model, start.model)
            self.before = start.training
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.imitation = Imitation(self.model.config.channels[1:]).to(device)
        self.averaged = AveragedModel(
            self.model, multi_avg_fn=moving_average(recipe.average), use_buffers=True
        )
        parameters = [*self.model.parameters(), *self.imitation.parameters()]
        kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
        self.optimizer = kind(
            parameters, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self.learner: nn.Module = Learner(self.model, self.imitation, recipe)
        if processes.count > 1:
            self.learner = DistributedDataParallel(self.learner, find_unused_parameters=True)
        self.done = 0
        self.best = float("-inf")
        self.seconds = 0.0

    def steps(self) -> Iterator[Step]:
        """The steps still to do."""
        counts = [
            max(1, round(phase.epochs * len(self.pairs) / self.recipe.batch))
            for phase in self.recipe.phases
        ]
        total, start = sum(counts), 0
        for i, (phase, count) in enumerate(zip(self.recipe.phases, counts, strict=True)):
            for number in range(max(start, self.done), start + count):
                yield Step(number, i, phase.size, number / total)
            start += count

    def indices(self, step: int) -> Tensor:
        """Which photos this process takes in a step; epochs follow one another seamlessly."""
        batch, count = self.recipe.batch, len(self.pairs)
        first = step * batch
        orders: dict[int, Tensor] = {}
        chosen = []
        for position in range(first + self.processes.rank, first + batch, self.processes.count):
            epoch = position // count
            if epoch not in orders:
                generator = torch.Generator().manual_seed(self.options.seed * 100_003 + epoch)
                orders[epoch] = torch.randperm(count, generator=generator)
            chosen.append(orders[epoch][position % count])
        return torch.stack(chosen)

    def train_step(
        self, step: Step, photos: PackedPairs, features: PackedFeatures | None
    ) -> dict[str, float]:
        """One update of the weights; returns the losses."""
        recipe, device = self.recipe, self.processes.device
        epoch = int(step.number * recipe.batch / len(self.pairs))
        rate = recipe.learning_rate_at(step.share, epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        # Seeded by the step, so that a resumed run draws what an unbroken one would have.
        seed = (self.options.seed * 1_000_003 + step.number) * 64 + self.processes.rank
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        index = self.indices(step.number)
        raw, masks = photos.batch(index, device)
        crops = recipe.augmentation.draw_crops(len(index), generator).to(device)
        both = crop(torch.cat([raw, masks], 1).float() / 255, crops, (step.size, step.size))
        x = recipe.augmentation.change_colours(both[:, :3], generator)
        x = normalise(x, Preprocessing()).contiguous(memory_format=torch.channels_last)
        teacher = None
        if features is not None:
            sides = [-(-step.size // stride) for stride in (4, 8, 16, 32)]
            teacher = features.batch(index, crops, [(side, side) for side in sides])
        self.model.train()
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            losses = self.learner(x, both[:, 3:], teacher, step.share)
        total = losses["loss"]
        if not torch.isfinite(total):
            raise InputError(
                f"step {step.number}: the loss is {total.item()}; lower --learning-rate and resume "
                "from the last state"
            )
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        self.averaged.update_parameters(self.model)
        return {"lr": rate, **{name: value.item() for name, value in losses.items()}}

    @property
    def result(self) -> SAMNet:
        """The network to keep: averaged where the recipe averages."""
        kept = self.averaged.module if self.recipe.average else self.model
        assert isinstance(kept, SAMNet)
        return kept

    def validate(self, photos: PackedPairs) -> Scores:
        """Scores on the held-out pairs, compared at the network's size."""
        network = self.result.eval()
        metrics = SaliencyMetrics("fast")
        with torch.inference_mode():
            for start in range(0, len(photos), 20):
                index = torch.arange(start, min(start + 20, len(photos)))
                raw, masks = photos.batch(index, self.processes.device)
                maps = network(normalise(raw.float() / 255, Preprocessing()))
                for map, mask in zip(maps[:, 0], masks[:, 0], strict=True):
                    metrics.add((map * 255).round().byte().cpu().numpy(), mask.cpu().numpy())
        return metrics.scores()

    def save(self, size: int, scores: Scores) -> None:
        """Writes the state and, where it is the best so far, the checkpoint."""
        output = self.options.output
        summary = {
            "data": Path(self.options.data).name,
            "held_out": len(self.validation_pairs),
            "seed": self.options.seed,
            "steps": self.done,
            "photos": self.done * self.recipe.batch,
            "hours": round(self.seconds / 3600, 3),
            "hardware": hardware(self.processes),
            "init": self.options.init.name if self.options.init else None,
            "before": self.before,
            "remark": self.options.remark,
            "recipe": dataclasses.asdict(self.recipe),
            "validation": {"size": size, "max_F": scores.max_F, "MAE": scores.MAE},
        }
        kept = Checkpoint(self.result, Preprocessing(size=size), summary)
        save_checkpoint(output / "last.safetensors", kept, overwrite=True)
        if scores.max_F - scores.MAE > self.best:
            self.best = scores.max_F - scores.MAE
            save_checkpoint(output / "best.safetensors", kept, overwrite=True)
        state = {
            "done": self.done,
            "best": self.best,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "imitation": self.imitation.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        with replacing(output / "state.pt", overwrite=True) as temporary:
            torch.save(state, temporary)

    def restore(self) -> None:
        """Takes up the state of the run in the output folder."""
        path = self.options.output / "state.pt"
        if not path.is_file():
            raise InputError(f"{path}: no state to resume from; start without --resume")
        state = torch.load(path, map_location=self.processes.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.imitation.load_state_dict(state["imitation"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done, self.best, self.seconds = state["done"], state["best"], state["seconds"]
        if self.processes.first:
            self._forget_later_records()

    @property
    def log(self) -> Path:
        """The log, one JSON object a line."""
        return self.options.output / "log.jsonl"

    def _forget_later_records(self) -> None:
        """Cuts what a run logged after its last state, since these steps are done again."""
        if not self.log.is_file():
            return
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        with replacing(self.log, overwrite=True) as temporary:
            temporary.write_text(
                "".join(line for line in lines if json.loads(line)["step"] <= self.done),
                encoding="utf-8",
            )
