"""Silences native libraries, which write to file descriptor 2 past Python's streams."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

_changing = threading.Lock()
_users = 0
_saved = -1


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what native libraries write to the standard error stream.

    The stream is the whole process's: it is heard again once the last of the threads that
    silenced it leaves. A stream that is closed stays so.
    """
    global _users
    with _changing:
        if not _users:
            _silence()
        _users += 1
    try:
        yield
    finally:
        with _changing:
            _users -= 1
            if not _users:
                _restore()


def _silence() -> None:
    global _saved
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        _saved = os.dup(2)
    except OSError:
        return
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)


def _restore() -> None:
    global _saved
    if _saved >= 0:
        os.dup2(_saved, 2)
        os.close(_saved)
        _saved = -1
