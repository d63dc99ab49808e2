"""Ends a command cleanly on SIGTERM and SIGHUP."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What ends a process at once, unless it is heard."""


class Terminated(SystemExit):
    """The process was asked to end; its status is 128 and the number of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextlib.contextmanager
def heeding_signals() -> Iterator[None]:
    """Turn :data:`SIGNALS` into :class:`Terminated`, so that files half-written are removed.

    A signal that is ignored or heard by somebody else already stays as it is, and so do all of
    them in another thread than the main one.
    """
    owner = os.getpid()

    def terminate(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a worker process, which has nothing to tidy up
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        # A closing terminal sends the signal more than once, and tidying up shall not be cut off.
        signal.signal(number, signal.SIG_IGN)
        raise Terminated(number)

    heard = []
    if threading.current_thread() is threading.main_thread():
        heard = [number for number in SIGNALS if signal.getsignal(number) == signal.SIG_DFL]
    for number in heard:
        signal.signal(number, terminate)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)
