"""Training: ``python -m samnet.train --data DUTS-TR=DIR --output runs/NAME``.

The run's folder receives ``best.safetensors`` and ``last.safetensors`` (the averaged weights),
``state.pt`` (all that resuming needs), ``log.jsonl``, ``run.json`` (recipe, versions) and
TensorBoard's events.
"""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

import torch

from edge_apps.errors import InputError
from samnet.command import run_command
from samnet.data.packed import PackedPairs, fingerprint, pack
from samnet.distributed import join_processes, leave_processes
from samnet.imitation import TEACHER_SIZE, PackedFeatures
from samnet.progress import progress
from samnet.results import environment, write_result
from samnet.train_options import TrainOptions, recipe_of
from samnet.trainer import Step, Trainer

MARGIN = 1.25
"""Photos are packed larger than the network's input by this much, so that crops stay sharp."""


def train(options: TrainOptions) -> None:
    """Trains as the options say; see the module's text for what it writes."""
    recipe = recipe_of(options)
    output = options.output
    if (output / "state.pt").exists() and not options.resume:
        raise InputError(f"{output}: holds a run already; pass --resume or choose another folder")
    if options.threads:
        torch.set_num_threads(options.threads)
    processes = join_processes()
    trainer = Trainer(options, recipe, processes)
    if options.resume:
        trainer.restore()
    if processes.first:
        settings = {
            "options": {k: str(v) for k, v in dataclasses.asdict(options).items()},
            "recipe": dataclasses.asdict(recipe),
            "training_pairs": len(trainer.pairs),
            "validation_pairs": len(trainer.validation_pairs),
            "processes": processes.count,
            "environment": environment(),
        }
        write_result(output / "run.json", settings, overwrite=True)
    try:
        fit(trainer)
    finally:
        leave_processes()


def fit(trainer: Trainer) -> None:
    """Runs all steps that are left, with validation, log and state."""
    from tensorboardX import SummaryWriter  # torch's own would import tensorflow

    options, processes = trainer.options, trainer.processes
    writer = SummaryWriter(str(options.output)) if processes.first else None
    steps = list(trainer.steps())
    phase, packed, features, validation = -1, None, None, None
    begun = time.monotonic()
    for i, step in enumerate(progress(steps, len(steps), "training")):
        if step.phase != phase or packed is None or validation is None:
            phase = step.phase
            packed, features, validation = prepare(trainer, step)
        losses = trainer.train_step(step, packed, features)
        trainer.done = step.number + 1
        last = i + 1 == len(steps)
        ends = last or steps[i + 1].phase != phase
        due = ends or trainer.done % options.validate_every == 0
        if writer is not None and (due or trainer.done % 20 == 0):
            record: dict[str, Any] = {"step": trainer.done, "size": step.size, **losses}
            if due:
                trainer.seconds += time.monotonic() - begun
                begun = time.monotonic()
                scores = trainer.validate(validation)
                record |= {"max_F": scores.max_F, "MAE": scores.MAE}
                print(
                    f"step {trainer.done}: loss {losses['loss']:.3f}, held out at {step.size} px: "
                    f"max F {scores.max_F:.4f}, MAE {scores.MAE:.4f}",
                    flush=True,
                )
            with open(trainer.log, "a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
            if due:
                # After its record: a run killed in between does both again.
                trainer.save(step.size, scores)
            for name, value in record.items():
                writer.add_scalar(name, value, trainer.done)
    if writer is not None:
        writer.close()


def prepare(trainer: Trainer, step: Step) -> tuple[PackedPairs, PackedFeatures | None, PackedPairs]:
    """The packed photos, the teacher's features of them and validation pairs of a phase."""
    options, device = trainer.options, trainer.processes.device
    size = round(step.size * MARGIN)
    if not trainer.processes.first:
        torch.distributed.barrier()  # the first process fills the cache
    packed = pack(trainer.pairs, size, options.cache)
    features = None
    if trainer.recipe.imitation:
        shown = pack(trainer.pairs, TEACHER_SIZE, options.cache)
        name = fingerprint(trainer.pairs, TEACHER_SIZE)
        features = PackedFeatures(shown, options.cache, name)
    validation = pack(trainer.validation_pairs, step.size, options.cache)
    if trainer.processes.first and trainer.processes.count > 1:
        torch.distributed.barrier()
    if device.type == "cuda":
        packed = packed.to(device)
    return packed, features, validation


if __name__ == "__main__":
    run_command(TrainOptions, train, "Train a network on pairs of photos and masks.")
