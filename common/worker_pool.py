"""Processes of Python that do jobs, several at once, each with a state of its own."""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing import connection
from types import TracebackType
from typing import Any, Generic, TypeVar

from common.termination import heeding_signals

Argument = TypeVar("Argument")
Job = TypeVar("Job")
Result = TypeVar("Result")

PATIENCE = 20.0
"""Seconds that processes have to tidy up once they are asked to end."""


@dataclasses.dataclass(frozen=True)
class Lost:
    """What comes of a job whose process ended before it was done.

    Args:
        status: exit status of the process; that of a signal is its number, negative.
    """

    status: int | None

    def __str__(self) -> str:
        if self.status is not None and self.status < 0:
            name = signal.strsignal(-self.status) or f"signal {-self.status}"
            return f"its process was ended by the system ({name})"
        return f"its process ended with status {self.status}"


class WorkerPool(Generic[Job, Result]):
    """Processes that do jobs; a context manager, which ends them.

    A process is started when there is a job for it, and another one in the place of one that was
    lost. Processes leave interrupts to this one, and tidy up before they end.

    Args:
        start: called once in each process; returns what does a job. A function of a module, as all
            that goes to and from a process has to be picklable.
        argument: given to ``start``.
        count: processes at most.
    """

    def __init__(
        self, start: Callable[[Argument], Callable[[Job], Result]], argument: Argument, count: int
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._start, self._argument, self._count = start, argument, count
        self._idle: list[_Worker] = []
        self._busy: dict[_Worker, Job] = {}

    def __enter__(self) -> WorkerPool[Job, Result]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in (*self._idle, *self._busy):
            worker.pipe.close()
            worker.process.terminate()
        for worker in (*self._idle, *self._busy):
            worker.process.join(PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    @property
    def is_free(self) -> bool:
        """Whether a process waits for a job, or may be started for one."""
        return len(self._busy) < self._count

    def give(self, job: Job) -> None:
        """Have a job done by a process that is free."""
        worker = self._idle.pop() if self._idle else self._started()
        self._busy[worker] = job
        try:
            worker.pipe.send(job)
        except BrokenPipeError:
            return  # its end is heard of where it is waited for

    def wait(self) -> tuple[Job, Result | Lost]:
        """Wait until one of the jobs is done; return it with what came of it."""
        ready = connection.wait([worker.pipe for worker in self._busy])
        worker = next(it for it in self._busy if it.pipe in ready)
        job = self._busy[worker]
        try:
            result: Result = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            worker.pipe.close()
            del self._busy[worker]
            return job, Lost(worker.process.exitcode)
        del self._busy[worker]
        self._idle.append(worker)
        return job, result

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, self._start, self._argument), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(ours, process)


@dataclasses.dataclass(frozen=True, eq=False)
class _Worker:
    pipe: Any
    process: Any


def _serve(pipe: Any, start: Callable[[Any], Callable[[Any], Any]], argument: Any) -> None:
    # An interrupt is meant for the process that started this one, which then ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with heeding_signals():
        work = start(argument)
        while True:
            try:
                job = pipe.recv()
            except EOFError:
                return
            result = work(job)
            try:
                pipe.send(result)
            except BrokenPipeError:
                return
