"""Broadcasts the newest picture to any number of viewers, none of whom holds up another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator

KEEP_ALIVE = 5.0
"""Seconds without a new picture after which the last one is sent again, to find who has left."""


class Broadcast:
    """Hands the newest picture to viewers; one who is busy misses those in between.

    All methods belong to one event loop; ``viewers`` may be read from any thread.

    Attributes:
        viewers: how many are watching.
    """

    def __init__(self) -> None:
        self.viewers = 0
        self._picture = b""
        self._number = 0
        self._changed = asyncio.Event()

    def publish(self, picture: bytes) -> None:
        """Make ``picture`` the newest one."""
        self._picture = picture
        self._number += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def pictures(self) -> AsyncGenerator[bytes, None]:
        """Yield the newest picture each time the viewer is ready for one, without end.

        Without a new one the last comes again after :data:`KEEP_ALIVE`, or an empty one if there
        is none, so that the caller finds out whether the viewer has left.
        """
        seen = 0
        with self._watching():
            while True:
                if self._number == seen:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), KEEP_ALIVE)
                seen = self._number
                yield self._picture

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        self.viewers += 1
        try:
            yield
        finally:
            self.viewers -= 1
            if not self.viewers:
                # Nobody draws without viewers: the next one shall not begin in the past.
                self._picture = b""
