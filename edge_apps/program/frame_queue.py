"""A queue between two threads that holds no more than a few frames."""

from __future__ import annotations

import collections
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")

CAPACITY = 1
"""Items that wait: enough for two stages to overlap, and no more delay than that costs."""


class FrameQueue(Generic[Item]):
    """A short queue between two threads.

    Args:
        newest: a new item replaces one that still waits, so that the reader sees the present;
            otherwise the writer waits and every item arrives.

    Attributes:
        dropped: items that were replaced before they were read.
    """

    def __init__(self, *, newest: bool = False) -> None:
        self.dropped = 0
        self._newest = newest
        self._items: collections.deque[Item] = collections.deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Item) -> bool:
        """Add an item; False once the queue is closed, the item is then lost."""
        with self._changed:
            if self._newest and self._items:
                self._items.clear()
                self.dropped += 1
            self._changed.wait_for(lambda: self._closed or len(self._items) < CAPACITY)
            if self._closed:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def close(self) -> None:
        """Take no further items; a reader still gets those that wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        """Yield items as they come, until the queue is closed and empty."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._items))
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
