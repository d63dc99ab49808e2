"""Standard streams of a command, even where they are closed, full or lose their reader."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import TextIO

INPUT, OUTPUT, ERRORS = 0, 1, 2
"""Descriptors of the standard streams."""

READER_GONE = 141
"""Exit status of a program whose reader went away: 128 and the number of SIGPIPE."""


def prepare() -> None:
    """Make the standard streams ones that everything can be written to.

    Puts the null device in the place of standard streams that are closed.

    The next file that is opened would otherwise get the number of the stream, and what libraries
    print would go into it. ``sys.stdin`` and ``sys.stdout`` stay None, which ``print`` knows, but
    it takes a missing ``sys.stderr`` for standard output.
    """
    for descriptor in (INPUT, OUTPUT, ERRORS):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, descriptor)
            if opened != descriptor:
                os.close(opened)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # Names of files may be no text in the encoding of the terminal.
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def is_reader_gone() -> bool:
    """Tell whether nobody reads standard output or standard error any more."""
    if not hasattr(select, "poll"):
        return True  # Windows does not tell, and a broken pipe has hardly another cause
    for descriptor in (OUTPUT, ERRORS):
        poll = select.poll()
        poll.register(descriptor, 0)
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
            return True
    return False


def flush_all() -> OSError | None:
    """Write what standard output and standard error still hold.

    Returns:
        Why one of them could not be written; it is then cut off, so that the interpreter does not
        try again when it ends.
    """
    failure = None
    for stream, descriptor in ((sys.stdout, OUTPUT), (sys.stderr, ERRORS)):
        failure = _flush(stream, descriptor) or failure
    return failure


def _flush(stream: TextIO | None, descriptor: int) -> OSError | None:
    try:
        if stream is not None:
            stream.flush()
    except OSError as error:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)
        return error
    return None


def say(line: str) -> None:
    """Print a line to standard error, if anybody reads it."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)
