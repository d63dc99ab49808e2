"""Progress of a command in several steps: which one runs, its time, its messages in a log."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from common.errors import InputError, SamnetError


@dataclasses.dataclass(frozen=True)
class Step:
    """A finished step: what was done, in how many seconds."""

    label: str
    seconds: float


class Steps:
    """Shows steps one by one on standard error and remembers their times.

    Converters write hundreds of lines, some of them from C++; while a step runs, standard output
    and error of this process go to a log.

    Args:
        total: how many steps there will be; None if that is unknown.
        log: the file that receives what the steps write; it is replaced.

    Raises:
        InputError: if the log cannot be written.
    """

    def __init__(self, total: int | None, log: Path) -> None:
        self.total = total
        self.log = log
        self.done: list[Step] = []
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
        except OSError as error:
            raise InputError(f"{log}: cannot be written ({error.strerror})") from error

    @contextlib.contextmanager
    def step(self, label: str, usually: float | None = None) -> Iterator[None]:
        """Run the block as the next step.

        Args:
            label: what it does.
            usually: seconds it takes on two cores, shown as an estimate.
        """
        of = f"/{self.total}" if self.total else ""
        heading = f"[{len(self.done) + 1}{of}] {label}"
        estimate = f", usually about {usually:.0f} s" if usually else ""
        start = time.monotonic()
        try:
            with _to_log(self.log) as terminal, _shown(heading, estimate, terminal):
                yield
        except SamnetError:
            raise
        except BaseException:
            print(f"{heading}: failed, see {self.log}", file=sys.stderr)
            raise
        seconds = time.monotonic() - start
        self.done.append(Step(label, round(seconds, 2)))
        print(f"{heading:<52} {seconds:6.1f} s", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _shown(heading: str, estimate: str, terminal: TextIO) -> Iterator[None]:
    """Show a running clock on a terminal; a line when the step begins otherwise."""
    if not terminal.isatty():
        terminal.write(f"{heading} …{estimate.removeprefix(',')}\n")
        terminal.flush()
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(file=terminal)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        bar.add_task(f"{heading}{estimate}".replace("[", r"\["), total=None)
        yield


@contextlib.contextmanager
def _to_log(log: Path) -> Iterator[TextIO]:
    """Send file descriptors 1 and 2 to a file; yield the standard error that was."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    try:
        with log.open("ab") as file, os.fdopen(os.dup(2), "w", encoding="utf-8") as terminal:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
