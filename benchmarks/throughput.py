"""Training throughput, ours against a plain loop, step by step in turn.

``python -m benchmarks.throughput --data DUTS-TR=DIR --json OUT``

Both train the same network from the same weights on the same photos in the same order, with the
paper's loss and the same augmentation. Ours is a step of ``samnet.train``; the plain one is
:mod:`benchmarks.plain_loop`.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.plain_loop import PlainLoop
from benchmarks.timing import QUIET, pinned
from edge_apps.errors import InputError
from edge_apps.targets import check_absent
from samnet.augment import Augmentation
from samnet.command import run_command
from samnet.data.survey import open_data
from samnet.distributed import Processes
from samnet.huge_pages import restart_with_huge_pages
from samnet.recipe import Phase, Recipe
from samnet.results import environment, write_result
from samnet.train_options import TrainOptions
from samnet.trainer import Trainer

WARM_UP = 2
"""Untimed steps of each: the first ones allocate and compile kernels."""

CLOCKS = (
    "photos_per_second by the wall clock; photos_per_cpu_second by the processor time of the "
    "process, which other work on the machine hardly changes; running: share of the time in "
    "which the process had its cores"
)

OURS = (
    "packed uint8, augmentation of whole batches, channels last, fused AdamW, gradients of dilated "
    "depthwise convolutions over their phases, branches mixed in the cache"
)

CACHES = (
    "every file and every packed photo that a step takes was read once before, so neither waits "
    "for the disk; packing, which ours does once before training, is not counted"
)


@dataclasses.dataclass
class Options:
    data: str
    """Training set, [NAME=]DIR."""
    json: Path
    """Result file to write."""
    sizes: tuple[int, ...] = (192, 128)
    """Heights and widths of the network's input, in pixels."""
    batch: int = 16
    """Photos a step."""
    repetitions: int = 20
    """Timed steps of each."""
    threads: int = 1
    """Of each, and cores that the process is pinned to."""
    hold_out: int = 500
    """Pairs left out, as in training."""
    width: float | None = None
    """Multiplier of the network's channels."""
    cache: Path = Path("runs/cache")
    """Folder of packed photos."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def main(options: Options) -> None:
    """Measures, prints photos per second and writes the result file.

    Raises:
        InputError: for wrong input; nothing is written then.
    """
    check_absent(options.json, overwrite=options.overwrite)
    data = open_data(options.data)
    with pinned(options.threads) as cores:
        torch.set_num_threads(options.threads)
        rows = []
        for size in options.sizes:
            row = compare(options, size)
            rows.append(row)
            print(describe(row), flush=True)
    result = {
        "protocol": {
            "data": data.name,
            "batch": options.batch,
            "threads": options.threads,
            "cores": cores,
            "warm_up": WARM_UP,
            "repetitions": options.repetitions,
            "order": "one step of each in turn, in one process; medians",
            "caches": CACHES,
            "clocks": CLOCKS,
            "plain": " ".join((PlainLoop.__doc__ or "").split()),
            "ours": OURS,
        },
        "environment": environment(options.threads),
        "sizes": rows,
    }
    write_result(options.json, result, overwrite=options.overwrite)


def describe(row: dict[str, Any]) -> str:
    """A line for reading."""
    text = (
        f"{row['size']} px: plain {row['plain']['photos_per_second']:.2f}, ours "
        f"{row['ours']['photos_per_second']:.2f} photos/s, {row['ratio']:.2f} times"
    )
    if row["running"] < QUIET:
        text += (
            f"; the machine was busy, the process ran {row['running']:.0%} of the time: in its own "
            f"time {row['plain']['photos_per_cpu_second']:.2f} and "
            f"{row['ours']['photos_per_cpu_second']:.2f}, {row['ratio_of_cpu_time']:.2f} times"
        )
    return text


def compare(options: Options, size: int) -> dict[str, Any]:
    """Times steps of both at one size, and gives a row of the result.

    Raises:
        InputError: if the data cannot be read.
    """
    augmentation = Augmentation()
    recipe = Recipe(
        phases=(Phase(size, 1),),
        batch=options.batch,
        decoupled=True,
        augmentation=augmentation,
    )
    settings = TrainOptions(
        options.data,
        options.json.parent,  # nothing is written by single steps
        width=options.width,
        hold_out=options.hold_out,
        cache=options.cache,
    )
    trainer = Trainer(settings, recipe, Processes(0, 1, torch.device("cpu")))
    steps = WARM_UP + options.repetitions
    todo = list(itertools.islice(trainer.schedule.steps(), steps))
    if len(todo) < steps:
        raise InputError(
            f"{len(trainer.pairs)} photos give {len(todo)} steps of {options.batch}, expected "
            f"{steps}; lower --repetitions or --batch"
        )
    material = trainer.prepare(size)
    batches = [trainer.schedule.indices(step.number, 0, 1) for step in todo]
    plain = PlainLoop(
        trainer.model,
        [[trainer.pairs[i] for i in batch.tolist()] for batch in batches],
        size,
        recipe,
    )
    for batch in batches:
        material.photos.batch(batch, torch.device("cpu"))
    plain.read_files()

    def ours() -> Iterator[None]:
        for step in todo:
            trainer.train_step(step, material)
            yield

    return {"size": size, **timed({"plain": plain.steps(), "ours": ours()}, options)}


def timed(loops: Mapping[str, Iterator[object]], options: Options) -> dict[str, Any]:
    """Times the loops plain and ours, one step of each in turn.

    Interleaved, a disturbance of the machine falls on all of them.
    """
    clocks = (time.perf_counter, time.process_time)
    seconds: dict[str, list[list[float]]] = {name: [] for name in loops}
    for turn in range(WARM_UP + options.repetitions):
        for name, loop in loops.items():
            start = [clock() for clock in clocks]
            next(loop)
            if turn >= WARM_UP:
                spent = [clock() - began for clock, began in zip(clocks, start, strict=True)]
                seconds[name].append(spent)
    medians = {name: np.median(spent, axis=0) for name, spent in seconds.items()}
    everything = np.concatenate(list(seconds.values())).sum(axis=0)
    wall, cpu = medians["plain"] / medians["ours"]
    rates = {
        name: {
            "photos_per_second": round(float(options.batch / median[0]), 3),
            "photos_per_cpu_second": round(float(options.batch / median[1]), 3),
        }
        for name, median in medians.items()
    }
    return {
        **rates,
        "ratio": round(float(wall), 3),
        "ratio_of_cpu_time": round(float(cpu), 3),
        "running": round(min(1.0, float(everything[1] / everything[0]) / options.threads), 3),
    }


if __name__ == "__main__":
    restart_with_huge_pages()  # as training does
    run_command(Options, main, "Compares the throughput of training with a plain loop's.")
