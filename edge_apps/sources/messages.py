"""Prints on standard error what a running source reports, such as a missing camera."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from common.streams import say
from edge_apps.sources.frames import Source

LOOK_EVERY = 0.5
"""Seconds between two looks at a source."""


@contextlib.contextmanager
def telling(source: Source) -> Iterator[None]:
    """Print the notices of a live source as they come, and once they are over."""
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(source, ended), daemon=True)
    if source.live:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if source.live:
            thread.join()


def _watch(source: Source, ended: threading.Event) -> None:
    said = ""
    while True:
        over = ended.is_set()
        if (notice := source.notice) != said:
            say(notice or f"{source.name}: goes on")
            said = notice
        if over:
            return
        ended.wait(LOOK_EVERY)
