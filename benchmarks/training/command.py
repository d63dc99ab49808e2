"""Training throughput, ours against a plain loop, step by step in turn.

``samnet bench training --data DUTS-TR=DIR --json OUT``

Both train the same network from the same weights on the same photos in the same order, with the
paper's loss and the same augmentation, each in a process of its own. Ours is a step of
``samnet train`` in the environment that it starts itself in; the plain one is
:mod:`benchmarks.training.plain_loop`. See :mod:`benchmarks.training.step_process`.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from benchmarks.shared.timing import QUIET, pinned
from benchmarks.training.plain_loop import PlainLoop
from benchmarks.training.step_process import KINDS, Kind, Measured, StepProcess
from common.arguments import HELD_OUT, SIZES
from common.command import Command
from common.output_paths import check_absent
from common.result_file import write_result
from samnet.data.survey import open_data

WARM_UP = 2
"""Untimed steps of each: the first ones allocate and compile kernels."""

CLOCKS = (
    "photos_per_second by the wall clock; photos_per_cpu_second by the processor time of the "
    "process, which other work on the machine hardly changes; running: share of the time in "
    "which the process had its cores"
)

OURS = (
    "packed uint8, augmentation of whole batches, channels last, fused AdamW, gradients of dilated "
    "depthwise convolutions over their phases, branches mixed in the cache, memory in large pages"
)

CACHES = (
    "every file and every packed photo that a step takes was read once before, so neither waits "
    "for the disk; packing, which ours does once before training, is not counted"
)


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench training``."""

    data: str
    """Training set, [NAME=]DIR."""
    json: Path
    """Result file to write."""
    sizes: Annotated[tuple[int, ...], SIZES] = (192, 128)
    """Heights and widths of the network's input, in pixels."""
    batch: int = 16
    """Photos a step."""
    repetitions: int = 20
    """Timed steps of each."""
    threads: int = 1
    """Threads of each, and cores that the process is pinned to."""
    held_out: Annotated[int, HELD_OUT] = 500
    """Pairs left out, as in training."""
    width: float | None = None
    """Multiplier of the network's channels."""
    cache: Path = Path("runs/cache")
    """Folder of packed photos."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def main(options: Options) -> None:
    """Measure, print photos per second and write the result file.

    Raises:
        InputError: for wrong input; nothing is written then.
    """
    check_absent(options.json, overwrite=options.overwrite)
    data = open_data(options.data)
    rows = []
    with pinned(options.threads) as cores, contextlib.ExitStack() as stack:
        measured = Measured(
            data=options.data,
            sizes=options.sizes,
            batch=options.batch,
            steps=WARM_UP + options.repetitions,
            threads=options.threads,
            held_out=options.held_out,
            width=options.width,
            cache=options.cache,
        )
        processes = {kind: stack.enter_context(StepProcess(kind, measured)) for kind in KINDS}
        for size in options.sizes:
            for process in processes.values():
                process.prepare()
            steps = {kind: process.step for kind, process in processes.items()}
            rows.append({"size": size, **timed(steps, options)})
            print(describe(rows[-1]), flush=True)
    result = {
        "protocol": {
            "data": data.name,
            "batch": options.batch,
            "threads": options.threads,
            "cores": cores,
            "warm_up": WARM_UP,
            "repetitions": options.repetitions,
            "order": "one step of each in turn, each in its process; medians",
            "caches": CACHES,
            "clocks": CLOCKS,
            "plain": " ".join((PlainLoop.__doc__ or "").split()),
            "ours": OURS,
        },
        "sizes": rows,
    }
    write_result(
        options.json, "throughput", result, threads=options.threads, overwrite=options.overwrite
    )


def describe(row: dict[str, Any]) -> str:
    """Write a line for reading."""
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


def timed(
    loops: Mapping[Kind, Callable[[], tuple[float, float]]], options: Options
) -> dict[str, Any]:
    """Time the loops plain and ours, one step of each in turn.

    Interleaved, a disturbance of the machine falls on all of them.

    Args:
        loops: a function a loop that takes a step and gives its seconds by the wall clock and of
            processor time.
        options: photos a step, repetitions and threads.
    """
    seconds: dict[Kind, list[tuple[float, float]]] = {kind: [] for kind in loops}
    for turn in range(WARM_UP + options.repetitions):
        for kind, step in loops.items():
            spent = step()
            if turn >= WARM_UP:
                seconds[kind].append(spent)
    medians = {kind: np.median(spent, axis=0) for kind, spent in seconds.items()}
    everything = np.concatenate(list(seconds.values())).sum(axis=0)
    wall, cpu = medians["plain"] / medians["ours"]
    rates: dict[str, Any] = {
        kind: {
            "photos_per_second": round(float(options.batch / median[0]), 3),
            "photos_per_cpu_second": round(float(options.batch / median[1]), 3),
        }
        for kind, median in medians.items()
    }
    return {
        **rates,
        "ratio": round(float(wall), 3),
        "ratio_of_cpu_time": round(float(cpu), 3),
        "running": round(min(1.0, float(everything[1] / everything[0]) / options.threads), 3),
    }


COMMAND = Command.of(Options, main, "Compares the throughput of training with a plain loop's.")
