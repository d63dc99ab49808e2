"""``samnet pretrain --data DIR --output RUN``: teaches the backbone to classify.

For those who have ImageNet: the folder holds ``train/CLASS/*`` and ``val/CLASS/*``, or
``CLASS/*``. The run's folder receives ``backbone.safetensors`` (averaged weights, for
``samnet train --backbone``), ``state.pt`` (all that resuming needs), ``log.jsonl`` and
``run.json``. Several processes share the work: ``torchrun -m`` or ``accelerate launch -m``.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from common.arguments import MODEL
from common.command import Command
from common.errors import InputError
from common.progress import progress
from common.result_file import environment, write_json
from samnet.checkpoints.backbone import save_backbone
from samnet.data.class_batches import NOT_AUGMENTED, batches
from samnet.data.classes import ClassPhotos, find_class_photos
from samnet.networks.config import Attention, SAMNetConfig
from samnet.networks.registry import model_config
from samnet.training import resume_state, run_log
from samnet.training.distributed import Processes, join_processes, leave_processes
from samnet.training.options import parse_phase
from samnet.training.pretrainer import Pretrainer
from samnet.training.recipe import Recipe
from samnet.training.run_log import RunLog
from samnet.training.schedule import Schedule, Step

LOG_EVERY = 20
"""Steps between two lines of the log."""


@dataclasses.dataclass
class Options:
    """What a run is made of."""

    data: Path
    """Folder of class folders, or of train and val with such."""
    output: Path
    """Folder of the run."""
    model: Annotated[str, MODEL] = "samnet"
    """Network by name, whose encoder it is: samnet or samnet-edge."""
    attention: Attention | None = None
    """Replaces the network's attention."""
    modules: tuple[int, int, int, int, int] | None = None
    """Replaces the SAM modules of each stage."""
    width: float | None = None
    """Replaces the multiplier of all channel counts."""
    phases: tuple[str, ...] = ("224:100",)
    """SIZE:EPOCHS, one after the other."""
    batch: int = 256
    """Photos a step, over all processes."""
    learning_rate: float = 2e-3
    """Highest learning rate: it rises in the warm-up, then falls as a cosine."""
    weight_decay: float = 0.05
    """Weight decay of AdamW."""
    warm_up: float = 0.05
    """Share of all steps in which the learning rate rises."""
    average: float = 0.9998
    """Decay of the moving average of the weights; 0 for none."""
    clip: float = 5.0
    """Largest norm of the gradients; 0 for no limit."""
    smoothing: float = 0.1
    """Share of the truth that all classes divide among themselves."""
    resume: bool = False
    """Go on with the run in the output folder."""
    save_every: int = 1000
    """Steps between two states; another follows each validation."""
    workers: int | None = None
    """Processes that decode photos, for each that trains; one a core by default, 0 for none."""
    seed: int = 0
    """Seed of the order of photos, augmentation and initial weights."""
    threads: int | None = None
    """CPU threads of each process."""


def main(options: Options) -> None:
    """Train as the options say; see the module's text for what it writes.

    Raises:
        InputError: for wrong input, or if the loss is not finite; the last state is intact.
    """
    config, recipe = config_of(options), recipe_of(options)
    if (options.output / resume_state.NAME).exists() and not options.resume:
        raise InputError(
            f"{options.output}: holds a run already; pass --resume or choose another folder"
        )
    if options.threads:
        torch.set_num_threads(options.threads)
    data = find_class_photos(options.data, options.seed)
    processes = join_processes()
    try:
        _pretrain(config, recipe, data, options, processes)
    finally:
        leave_processes()


def _pretrain(
    config: SAMNetConfig,
    recipe: Recipe,
    data: ClassPhotos,
    options: Options,
    processes: Processes,
) -> None:
    if options.batch % processes.count:
        raise InputError(
            f"a batch of {options.batch} for {processes.count} processes; expected a multiple"
        )
    trainer = Pretrainer(config, data.classes, recipe, options.smoothing, processes, options.seed)
    if options.resume:
        trainer.restore(options.output / resume_state.NAME)
    if processes.first:
        RunLog(options.output / run_log.NAME).cut(trainer.done)
        settings = {
            "options": {k: str(v) for k, v in dataclasses.asdict(options).items()},
            "network": config.to_dict(),
            "classes": len(data.classes),
            "training_photos": len(data.training),
            "validation_photos": len(data.validation),
            "processes": processes.count,
            "environment": environment(options.threads),
        }
        write_json(options.output / "run.json", settings, overwrite=True)
    fit(trainer, config, data, options)


def fit(trainer: Pretrainer, config: SAMNetConfig, data: ClassPhotos, options: Options) -> None:
    """Run all steps that are left; validate, log and save with each pass over the photos.

    Raises:
        InputError: if a photo cannot be read, the loss is not finite, or nothing can be written.
    """
    output, processes, recipe = options.output, trainer.processes, trainer.recipe
    log = RunLog(output / run_log.NAME)
    schedule = Schedule(recipe, len(data.training), options.seed)
    steps = list(schedule.steps(trainer.done))
    workers = _workers(options)
    shown = progress(steps, len(steps), "pretraining") if processes.first else iter(steps)
    begun = time.monotonic()
    for _, part in itertools.groupby(steps, lambda it: (it.phase, _passes(it, schedule))):
        todo = list(part)
        draws = _draws(schedule, todo, processes, options.seed)
        share_of_batch, size = len(draws) // len(todo), todo[0].size
        loaded = batches(data.training, size, draws, share_of_batch, workers)
        for step, (photos, labels) in zip(todo, loaded, strict=True):
            next(shown)
            record: dict[str, Any] = {"step": step.number + 1, "size": size}
            record |= trainer.train_step(step, photos, labels)
            trainer.done = step.number + 1
            ends = step is todo[-1]
            if ends:
                mine = torch.arange(processes.rank, len(data.validation), processes.count)
                whole = torch.stack([mine, torch.full_like(mine, NOT_AUGMENTED)], 1)
                held_out = batches(data.validation, size, whole, share_of_batch, workers)
                record |= trainer.validate(held_out)
            if not processes.first:
                continue
            if ends or trainer.done % LOG_EVERY == 0:
                log.add(record)
            if ends or trainer.done % options.save_every == 0:
                trainer.seconds += time.monotonic() - begun
                begun = time.monotonic()
                trainer.save(output / resume_state.NAME)
        if processes.first:
            print(
                f"step {trainer.done}: loss {record['loss']:.3f}, held out at {size} px: "
                f"top-1 {record['top1']:.4f}, top-5 {record['top5']:.4f}",
                flush=True,
            )
            info = _summary(trainer, data, options, record)
            path = output / "backbone.safetensors"
            save_backbone(path, trainer.result.encoder, config, info, overwrite=True)


def config_of(options: Options) -> SAMNetConfig:
    """Build the configuration of the network whose encoder is trained.

    Raises:
        InputError: for an unknown name, a baseline, or impossible values.
    """
    config = model_config(options.model)
    if not isinstance(config, SAMNetConfig):
        raise InputError(
            f"{options.model} is a baseline, and only SAMNet's encoder is pretrained; use samnet "
            "or samnet-edge"
        )
    names = ("attention", "modules", "width")
    changes = {name: value for name in names if (value := getattr(options, name)) is not None}
    return dataclasses.replace(config, **changes)


def recipe_of(options: Options) -> Recipe:
    """Read the options as a recipe.

    Raises:
        InputError: for impossible values.
    """
    recipe = Recipe(
        phases=tuple(parse_phase(text) for text in options.phases),
        batch=options.batch,
        learning_rate=options.learning_rate,
        schedule="cosine",
        warm_up=options.warm_up,
        weight_decay=options.weight_decay,
        decoupled=True,
        average=options.average,
        clip=options.clip,
    )
    for name in ("warm_up", "average", "smoothing"):
        if not 0 <= getattr(options, name) < 1:
            raise InputError(f"--{name} is {getattr(options, name)}, expected 0 to below 1")
    return recipe


def _draws(schedule: Schedule, steps: Sequence[Step], processes: Processes, seed: int) -> Tensor:
    """Draw this process's share of some steps: photos and augmentation seeds, (N, 2).

    Each pass over the photos has an order of its own; passes follow one another seamlessly.
    """
    batch, count = schedule.recipe.batch, schedule.photos
    numbers = torch.tensor([step.number for step in steps])
    positions = numbers[:, None] * batch + torch.arange(processes.rank, batch, processes.count)
    positions = positions.flatten()
    passes, indices = positions // count, torch.empty_like(positions)
    for number in passes.unique().tolist():
        generator = torch.Generator().manual_seed(seed * 100_003 + number)
        mine = passes == number
        indices[mine] = torch.randperm(count, generator=generator)[positions[mine] % count]
    return torch.stack([indices, seed * 1_000_003 + positions], 1)


def _passes(step: Step, schedule: Schedule) -> int:
    return step.number * schedule.recipe.batch // schedule.photos


def _workers(options: Options) -> int:
    if options.workers is not None:
        return options.workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


def _summary(
    trainer: Pretrainer, data: ClassPhotos, options: Options, record: dict[str, Any]
) -> dict[str, Any]:
    return {
        "data": options.data.name,
        "classes": len(data.classes),
        "photos": trainer.done * options.batch,
        "seed": options.seed,
        "hours": round(trainer.seconds / 3600, 3),
        "recipe": dataclasses.asdict(trainer.recipe),
        "validation": {name: record[name] for name in ("size", "top1", "top5")},
    }


COMMAND = Command.of(Options, main, "Pretrains the backbone on classes of photos.")

if __name__ == "__main__":
    COMMAND.run()
