"""Progress of a command on standard error, without further packages."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

LINE_EVERY = 15.0
"""Seconds between two lines when standard error is not a terminal."""

RENEW_EVERY = 0.2
"""Seconds between two states of the line on a terminal."""


def progress(items: Iterable[Item], total: int | None, label: str) -> Iterator[Item]:
    """Pass items on and say how many there were, how fast, and how long it will take.

    On a terminal one line that renews itself, otherwise now and then a line; nothing at all for
    what is over sooner.

    Args:
        items: what is worked on.
        total: how many there will be; None if that is unknown.
        label: what it is, such as ``clip.mp4``.
    """
    terminal = sys.stderr.isatty()
    every = RENEW_EVERY if terminal else LINE_EVERY
    start = shown = time.monotonic()
    try:
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - shown >= every:
                line = f"{label}: {_state(done, total, now - start)}"
                sys.stderr.write(f"\r\033[K{line}" if terminal else f"{line}\n")
                sys.stderr.flush()
                shown = now
    finally:
        if terminal and shown > start:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _state(done: int, total: int | None, seconds: float) -> str:
    rate = done / seconds
    if total is None or total < done:
        return f"{done}, {rate:.1f}/s"
    return f"{done} of {total}, {rate:.1f}/s, about {_duration((total - done) / rate)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
