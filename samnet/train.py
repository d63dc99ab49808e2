"""``samnet train --data DUTS-TR=DIR --output runs/NAME``: trains a network.

The run's folder receives ``best.safetensors`` and ``last.safetensors`` (the averaged weights),
``state.pt`` (all that resuming needs), ``log.jsonl``, ``curves.png``, ``run.json`` (recipe,
versions) and TensorBoard's events with panels of held-out photos.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import torch

from common.command import Command
from common.errors import InputError
from common.progress import progress
from common.result_file import environment, write_json
from samnet.training import resume_state
from samnet.training.curves import draw_curves
from samnet.training.distributed import Processes, join_processes, leave_processes
from samnet.training.huge_pages import restart_with_huge_pages
from samnet.training.options import TrainOptions, recipe_of
from samnet.training.recipe import Recipe
from samnet.training.teachers import describe
from samnet.training.trainer import Trainer
from samnet.training.unlabeled import notice_of
from samnet.training.validation import validate

LOG_EVERY = 20
"""Steps between two lines of the log."""


def train(options: TrainOptions) -> None:
    """Train as the options say; see the module's text for what it writes."""
    recipe = recipe_of(options)
    if (options.output / resume_state.NAME).exists() and not options.resume:
        raise InputError(
            f"{options.output}: holds a run already; pass --resume or choose another folder"
        )
    if options.threads:
        torch.set_num_threads(options.threads)
    processes = join_processes()
    try:
        _train(options, recipe, processes)
    finally:
        leave_processes()


def _train(options: TrainOptions, recipe: Recipe, processes: Processes) -> None:
    trainer = Trainer(options, recipe, processes)
    if options.resume:
        trainer.restore()
    if processes.first:
        settings = {
            "options": {k: str(v) for k, v in dataclasses.asdict(options).items()},
            "recipe": dataclasses.asdict(recipe),
            "training_pairs": len(trainer.pairs),
            "validation_pairs": len(trainer.validation_pairs),
            "teacher": describe(trainer.teacher) if trainer.teacher else None,
            "unlabeled": [one.describe() for one in trainer.unlabeled],
            "processes": processes.count,
            "environment": environment(),
        }
        record = options.output / "run.json"
        if not (options.resume and record.exists()):
            write_json(record, settings, overwrite=True)
        if not options.resume:
            # Of a run that ended before its first state.
            trainer.log.path.unlink(missing_ok=True)
        if left_out := notice_of(trainer.unlabeled):
            print(left_out, flush=True)
    fit(trainer)


def fit(trainer: Trainer) -> None:
    """Run all steps that are left, with validation, log and state.

    Raises:
        InputError: if the loss is not finite, or the disk is full; the last state is intact.
    """
    from tensorboardX import SummaryWriter  # torch's own would import tensorflow

    options, processes = trainer.options, trainer.processes
    writer = SummaryWriter(str(options.output)) if processes.first else None
    steps = list(trainer.schedule.steps(trainer.done))
    phase, phase_data = -1, None
    begun = time.monotonic()
    for i, step in enumerate(progress(steps, len(steps), "training")):
        if step.phase != phase or phase_data is None:
            phase, phase_data = step.phase, trainer.prepare(step.size)
        losses = trainer.train_step(step, phase_data)
        trainer.done = step.number + 1
        last = i + 1 == len(steps)
        ends = last or steps[i + 1].phase != phase
        due = ends or trainer.done % options.validate_every == 0
        if writer is None or not (due or trainer.done % LOG_EVERY == 0):
            continue
        record: dict[str, Any] = {"step": trainer.done, "size": step.shown, **losses}
        if due:
            trainer.seconds += time.monotonic() - begun
            begun = time.monotonic()
            validation = validate(trainer.result, phase_data.validation, processes.device)
            scores = validation.scores
            record |= {"max_F": scores.max_F, "MAE": scores.MAE}
            writer.add_image("held out: photo, mask, map", validation.panel.numpy(), trainer.done)
            print(
                f"step {trainer.done}: loss {losses['loss']:.3f}, held out at {step.size} px: "
                f"max F {scores.max_F:.4f}, MAE {scores.MAE:.4f}",
                flush=True,
            )
        trainer.log.add(record)
        for name, value in record.items():
            writer.add_scalar(name, value, trainer.done)
        if due:
            # After its record: a run killed in between does both again.
            trainer.save(step.size, scores)
        if ends:
            draw_curves(trainer.log.records(), options.output / "curves.png")
    if writer is not None:
        writer.close()


def main(options: TrainOptions) -> None:
    """Train in an environment in which memory comes in large pages."""
    restart_with_huge_pages()
    train(options)


COMMAND = Command.of(TrainOptions, main, "Trains a network on pairs of photos and masks.")

if __name__ == "__main__":
    COMMAND.run()
