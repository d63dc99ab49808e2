"""Frame rates and mean times of the last few seconds."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Mapping

SPAN = 5.0
"""Seconds that are looked back on."""


class Meter:
    """Collects figures of frames; any thread may add and read."""

    def __init__(self) -> None:
        self._entries: collections.deque[tuple[float, Mapping[str, float]]] = collections.deque()
        self._lock = threading.Lock()

    def add(self, figures: Mapping[str, float]) -> None:
        """Add the figures of one frame, by name."""
        now = time.monotonic()
        with self._lock:
            self._entries.append((now, figures))
            self._forget(now)

    def rate(self) -> float:
        """Return frames a second, 0 when there were fewer than two lately."""
        with self._lock:
            self._forget(time.monotonic())
            if len(self._entries) < 2:
                return 0.0
            return (len(self._entries) - 1) / (self._entries[-1][0] - self._entries[0][0] or 1)

    def means(self) -> dict[str, float]:
        """Average each figure; empty when there was no frame lately."""
        with self._lock:
            self._forget(time.monotonic())
            entries = [figures for _, figures in self._entries]
        sums: dict[str, float] = collections.defaultdict(float)
        for figures in entries:
            for name, value in figures.items():
                sums[name] += value
        return {name: value / len(entries) for name, value in sums.items()}

    def _forget(self, now: float) -> None:
        while self._entries and self._entries[0][0] < now - SPAN:
            self._entries.popleft()
