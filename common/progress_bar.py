"""Progress of a command on standard error, with tqdm's bar on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

LINE_EVERY = 15.0
"""Seconds between two lines when standard error is not a terminal."""


def progress(iterable: Iterable[Item], total: int | None, label: str) -> Iterator[Item]:
    """Pass items on and show how far it is on standard error.

    A bar with an estimate of the time left on a terminal, now and then a plain line otherwise.

    Args:
        iterable: yields the items.
        total: how many there will be; None if that is unknown.
        label: what is being done, such as ``ECSSD``.
    """
    if sys.stderr.isatty():
        yield from tqdm(iterable, total=total, desc=label, dynamic_ncols=True, leave=False)
        return
    start = shown = time.monotonic()
    done = 0
    for done, item in enumerate(iterable, 1):
        yield item
        now = time.monotonic()
        if now - shown >= LINE_EVERY:
            sys.stderr.write(_line(label, done, total, now - start))
            shown = now
    if shown > start:
        sys.stderr.write(_line(label, done, done, time.monotonic() - start))


def _line(label: str, done: int, total: int | None, seconds: float) -> str:
    spent = tqdm.format_interval(seconds)
    if total is None:
        return f"{label}: {done} in {spent}\n"
    left = tqdm.format_interval(seconds / done * (total - done)) if done else "?"
    return f"{label}: {done}/{total}, {spent} spent, about {left} left\n"
