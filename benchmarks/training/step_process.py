"""Process that takes steps of training on request, for interleaved timing.

Ours runs in the environment that ``samnet train`` starts itself in, the plain loop in that of the
user: what an allocator does for one does nothing for the other.
"""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
import os
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Literal, get_args

import torch

from benchmarks.training.plain_loop import PlainLoop
from common.errors import InputError, SamnetError
from samnet.training.augmentation import Augmentation
from samnet.training.distributed import Processes
from samnet.training.huge_pages import SETTINGS, wants_restart
from samnet.training.options import TrainOptions
from samnet.training.recipe import Phase, Recipe
from samnet.training.trainer import Trainer

Kind = Literal["plain", "ours"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclasses.dataclass(frozen=True)
class Measured:
    """What both loops train on.

    Args:
        data: training set, [NAME=]DIR.
        sizes: heights and widths of the network's input in pixels, one after the other.
        batch: photos a step.
        steps: at each size.
        threads: CPU threads.
        held_out: pairs left out.
        width: multiplier of the network's channels.
        cache: folder of packed photos.
    """

    data: str
    sizes: tuple[int, ...]
    batch: int
    steps: int
    threads: int
    held_out: int
    width: float | None
    cache: Path


class StepProcess:
    """A loop in a process of its own; use as a context manager.

    Args:
        kind: which loop.
        measured: what it trains on.
    """

    def __init__(self, kind: Kind, measured: Measured) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, kind, measured), daemon=True)
        before = dict(os.environ)
        if kind == "ours" and wants_restart(os.environ):
            os.environ.update(SETTINGS)
        try:
            self._process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        theirs.close()

    def __enter__(self) -> StepProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()

    def prepare(self) -> None:
        """Make ready for the next size.

        Raises:
            InputError: if the data cannot be read or is too little.
        """
        self._ask()

    def step(self) -> tuple[float, float]:
        """Take a step; return seconds by the wall clock and of processor time."""
        return self._ask()

    def _ask(self) -> tuple[float, float]:
        self._pipe.send(None)
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"a process that trains ended: {self._process.exitcode}") from None
        if isinstance(answer, InputError):
            raise answer
        wall, cpu = answer
        return wall, cpu


def _serve(pipe: Connection, kind: Kind, measured: Measured) -> None:
    torch.set_num_threads(measured.threads)
    try:
        for size in measured.sizes:
            pipe.recv()
            loop = _LOOPS[kind](measured, size)
            next(loop)
            pipe.send((0.0, 0.0))
            for _ in range(measured.steps):
                pipe.recv()
                began = time.perf_counter(), time.process_time()
                next(loop)
                pipe.send((time.perf_counter() - began[0], time.process_time() - began[1]))
    except SamnetError as error:
        pipe.send(error)
    except EOFError:  # the other side needs no more steps
        return


def _trainer(measured: Measured, size: int) -> Trainer:
    recipe = Recipe(
        phases=(Phase(size, 1),),
        batch=measured.batch,
        decoupled=True,
        augmentation=Augmentation(),
    )
    settings = TrainOptions(
        measured.data,
        measured.cache,  # nothing is written by single steps
        width=measured.width,
        held_out=measured.held_out,
        cache=measured.cache,
    )
    trainer = Trainer(settings, recipe, Processes(0, 1, torch.device("cpu")))
    possible = len(list(itertools.islice(trainer.schedule.steps(), measured.steps)))
    if possible < measured.steps:
        raise InputError(
            f"{len(trainer.pairs)} photos give {possible} steps of {measured.batch}, expected "
            f"{measured.steps}; lower --repetitions or --batch"
        )
    return trainer


def _ours(measured: Measured, size: int) -> Iterator[None]:
    trainer = _trainer(measured, size)
    todo = list(itertools.islice(trainer.schedule.steps(), measured.steps))
    phase_data = trainer.prepare(size)
    for step in todo:
        phase_data.photos.batch(trainer.schedule.indices(step.number, 0, 1), torch.device("cpu"))
    yield
    for step in todo:
        trainer.train_step(step, phase_data)
        yield


def _plain(measured: Measured, size: int) -> Iterator[None]:
    trainer = _trainer(measured, size)
    steps = itertools.islice(trainer.schedule.steps(), measured.steps)
    batches = [trainer.schedule.indices(step.number, 0, 1).tolist() for step in steps]
    pairs = [[trainer.pairs[i] for i in batch] for batch in batches]
    loop = PlainLoop(trainer.model, pairs, size, trainer.recipe)
    loop.read_files()
    yield
    for _ in loop.steps():
        yield


_LOOPS = {"plain": _plain, "ours": _ours}
