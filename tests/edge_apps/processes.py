"""Programs that a test starts beside itself; none outlives it, and no wait is without an end."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import IO, Any


@contextlib.contextmanager
def running(command: list[Any], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A program and all that it starts, killed at the end unless it has ended by itself."""
    process = subprocess.Popen(command, text=True, start_new_session=True, **options)
    try:
        yield process
    finally:
        # Also after its end: children may hold its pipes.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        # Its pipes stay open: to close one would wait for a thread that still reads from it.


def found_in(stream: IO[str] | None, pattern: str, seconds: float = 60.0) -> re.Match[str]:
    """The first match in the lines that a program writes; what follows is read and dropped."""
    assert stream is not None
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    said, end = "", time.monotonic() + seconds
    while True:
        try:
            line = lines.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            line = None
        assert line is not None, f"no {pattern} within {seconds:.0f} s in: {said!r}"
        if match := re.search(pattern, line):
            return match
        said += line
