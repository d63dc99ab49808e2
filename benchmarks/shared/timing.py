"""Interleaved timing of functions within this process, and the circumstances of a timing."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.errors import InputError

WARM_UP = 3
"""Untimed runs of each candidate: the first ones allocate, pack weights and fill caches."""


@dataclasses.dataclass(frozen=True)
class Latency:
    """Times of one candidate in milliseconds.

    Args:
        median: the middle one; what is reported.
        minimum: the shortest; what the machine can do when nothing disturbs it.
        p90: nine of ten runs are at least as fast.
    """

    median: float
    minimum: float
    p90: float


QUIET = 0.95
"""Share of the time that a process runs on a machine with nothing else to do."""
USABLE = 0.5
"""Below this share not even the shortest of some tens of runs can be relied on."""


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How latencies were taken.

    Args:
        threads: that a candidate may use; the process is pinned to as many cores.
        repetitions: timed runs of each candidate.
        warm_up: untimed runs before them.
        cores: the cores it was pinned to; empty where the system cannot pin.
        running: share of the time, from 0 to 1, in which the process had a core to itself; well
            below 1 the times say more about other work on the machine than about the network.
    """

    threads: int
    repetitions: int
    warm_up: int
    cores: tuple[int, ...]
    running: float

    def describe(self) -> str:
        """Write one sentence for under a table."""
        where = f"pinned to core {', '.join(map(str, self.cores))}" if self.cores else "not pinned"
        text = (
            f"Latency: batch 1, {_count(self.threads, 'thread')} {where}, "
            f"{_count(self.warm_up, 'warm-up run')}, then {_count(self.repetitions, 'run')} of "
            "each in turn; median (minimum)."
        )
        if self.running < QUIET:
            advice = (
                "trust the minimum, not the median"
                if self.usable
                else "these times say nothing of the networks, measure again on a quiet one"
            )
            text += (
                f" The machine was busy, the process ran {self.running:.0%} of the time: {advice}."
            )
        return text

    @property
    def usable(self) -> bool:
        """Whether the times can be compared with each other at all."""
        return self.running >= USABLE


@contextlib.contextmanager
def pinned(threads: int) -> Iterator[tuple[int, ...]]:
    """Confine this thread, and threads that it starts, to as many cores as ``threads``.

    Load candidates inside: a runtime's worker threads inherit the cores when they are started.

    Yields:
        The cores; empty where the system cannot pin.

    Raises:
        InputError: if there are fewer cores than threads.
    """
    if threads < 1:
        raise InputError(f"{threads} threads; use at least 1")
    if not hasattr(os, "sched_setaffinity"):
        yield ()
        return
    allowed = os.sched_getaffinity(0)
    if threads > len(allowed):
        raise InputError(f"{threads} threads on {_count(len(allowed), 'core')}; use no more")
    # The last cores: the first ones serve most of a Linux machine's interrupts.
    cores = tuple(sorted(allowed)[-threads:])
    os.sched_setaffinity(0, cores)
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, allowed)


def measure(
    candidates: Mapping[str, Callable[[], object]], *, repetitions: int = 25, warm_up: int = WARM_UP
) -> tuple[dict[str, Latency], float]:
    """Time candidates in turn, one run of each per round.

    Interleaved, a disturbance of the machine falls on all of them and not on one.

    Args:
        candidates: each does one inference when called.
        repetitions: timed rounds.
        warm_up: untimed rounds before them.

    Returns:
        The times of each, and the share of the time in which this process ran.

    Raises:
        InputError: if ``repetitions`` is below 1 or ``warm_up`` below 0.
    """
    if repetitions < 1 or warm_up < 0:
        raise InputError(f"{repetitions} repetitions after {warm_up}; use at least 1 and 0")
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    began, used = time.perf_counter(), time.process_time()
    for turn in range(warm_up + repetitions):
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            if turn >= warm_up:
                seconds[name].append(time.perf_counter() - start)
    running = (time.process_time() - used) / (time.perf_counter() - began)
    return {name: _summary(times) for name, times in seconds.items()}, min(1.0, running)


def _summary(seconds: list[float]) -> Latency:
    milliseconds = np.array(seconds) * 1000
    return Latency(
        median=round(float(np.median(milliseconds)), 3),
        minimum=round(float(milliseconds.min()), 3),
        p90=round(float(np.percentile(milliseconds, 90)), 3),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def load_runner(
    path: Path, threads: int, size: int | None = None
) -> tuple[Callable[[NDArray[np.uint8]], object], int]:
    """Load a checkpoint or artifact for timing without any resizing.

    Args:
        path: of the file.
        threads: that it may use.
        size: at which a checkpoint runs, its own if None; artifacts run at no other.

    Returns:
        A function from a photo (S, S, 3) uint8 to a map, and S.

    Raises:
        InputError: if the file cannot be used.
    """
    if path.suffix == ".safetensors":
        from samnet.checkpoints.checkpoint import load_checkpoint
        from samnet.evaluation.predictor import load_predictor
        from samnet.networks.deployed import deployed_size

        size = deployed_size(size, load_checkpoint(path).preprocessing)
        return load_predictor(path, threads=threads, size=size), size
    from edge_apps.runtime import load

    segmenter = load(path, threads=threads)
    return segmenter.run, segmenter.size
