"""Makes the rows of ``samnet convert all`` in several processes at once.

Rows come, and are told of, in the order in which one process would make them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from common.errors import InputError
from common.processor import usable_cores
from common.worker_pool import Lost, WorkerPool
from convert.all.options import Options
from convert.all.result_rows import Row
from convert.all.work import Outcome, Step, Task, Work, announce, tell

MOST = 4
"""Processes by default. A network's int16x8 file and its program take a quarter of all the time,
and more processes than four would wait for them."""

MEMORY = 3e9
"""Bytes that a process needs at most: 1.6 GB, and 1.5 GB of the process that runs TensorFlow."""

MEMINFO = Path("/proc/meminfo")

Unit = tuple[int, ...]
"""Numbers of steps that a process makes one after the other."""


def job_count(work: Work, tasks: Sequence[Task]) -> int:
    """Choose how many processes make the rows of tasks.

    Raises:
        InputError: if fewer than one are asked for.
    """
    asked = work.options.jobs
    if asked is not None and asked < 1:
        raise InputError(f"--jobs is {asked}, expected 1 or more")
    return min(asked or default_jobs(), len(units(work.steps(tasks))))


def default_jobs() -> int:
    """Return how many processes the cores and the memory of this machine are good for."""
    return max(1, int(min(MOST, usable_cores(), _free_memory() / MEMORY)))


def units(steps: Sequence[Step]) -> list[Unit]:
    """Group steps that share what an engine makes on the way; what others wait for comes first."""
    groups: dict[object, list[int]] = {}
    for number, step in enumerate(steps):
        form = step.row.form
        shares = form is not None and form.start == "checkpoint"
        key = (step.task.model, form.engine) if form is not None and shares else number
        groups.setdefault(key, []).append(number)
    return sorted(map(tuple, groups.values()), key=lambda unit: not steps[unit[0]].makes_program)


def parallel_rows(work: Work, tasks: Sequence[Task], jobs: int) -> Iterator[Row]:
    """Make the rows of tasks, and tell of each, as :meth:`Work.rows` does.

    Args:
        work: of the command.
        tasks: what to make.
        jobs: processes.
    """
    steps = work.steps(tasks)
    pending = units(steps)
    outcomes: dict[int, Outcome] = {}
    setting = _Setting(work.options, tuple(tasks), max(1, usable_cores() // jobs))
    with WorkerPool[Unit, list[Outcome]](_start, setting, jobs) as pool:
        for number, step in enumerate(steps):
            if step.needs is not None and outcomes[step.needs].row.failure:
                yield step.without_program()
                continue
            announce(step)
            while number not in outcomes:
                _hand_out(pool, steps, pending, outcomes)
                unit, found = pool.wait()
                if isinstance(found, Lost):
                    found = [_lost(steps[it], found) for it in unit]
                outcomes.update(zip(unit, found, strict=True))
            yield tell(step, outcomes[number])


def _hand_out(
    pool: WorkerPool[Unit, list[Outcome]],
    steps: Sequence[Step],
    pending: list[Unit],
    outcomes: Mapping[int, Outcome],
) -> None:
    """Give the first units that wait for no program to the processes that are free."""
    for unit in list(pending):
        needs = steps[unit[0]].needs
        ready = needs is None or needs in outcomes
        if ready and pool.is_free:
            pending.remove(unit)
            # What a program that failed would be made into is no work; it is told of at its turn.
            if needs is None or not outcomes[needs].row.failure:
                pool.give(unit)


def _lost(step: Step, lost: Lost) -> Outcome:
    failure = f"{lost}; with --jobs 1 it has all of the memory"
    return Outcome(dataclasses.replace(step.row, failure=failure))


@dataclasses.dataclass(frozen=True)
class _Setting:
    """What a process has to know; ``threads`` are those of torch."""

    options: Options
    tasks: tuple[Task, ...]
    threads: int


def _start(setting: _Setting) -> Callable[[Unit], list[Outcome]]:
    """Open the models in a process; return what makes the rows of a unit there."""
    import torch

    torch.set_num_threads(setting.threads)
    work = Work(setting.options)
    steps = work.steps(setting.tasks)

    def make(unit: Unit) -> list[Outcome]:
        found = []
        for number in unit:
            # It is told of when the row is at its turn.
            with contextlib.redirect_stdout(io.StringIO()) as said:
                outcome = work.make(steps[number])
            found.append(dataclasses.replace(outcome, said=said.getvalue()))
        return found

    return make


def _free_memory() -> float:
    """Return the bytes of memory that are free or can be freed; infinity where nobody tells."""
    with contextlib.suppress(OSError, ValueError):
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * float(line.split()[1])
    return float("inf")
