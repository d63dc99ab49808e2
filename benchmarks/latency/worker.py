"""Worker process of the interleaved timing: opens one case and runs it on request.

``python -m benchmarks.latency.worker``: reads lines of JSON from standard input and answers each
with one. The first line is what to open; every further one asks for runs. Nothing that the
case does to its process, be it threads, memory or a crash, reaches another one.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from benchmarks.latency import engines
from benchmarks.latency.case import LatencyCase
from common.errors import SamnetError
from common.images.photos import Bytes, resize_photo

STATUS = Path("/proc/self/status")


def main() -> None:
    """Answer until standard input ends."""
    channel = _channel()
    order = json.loads(sys.stdin.readline())
    if order["cores"]:
        os.sched_setaffinity(0, order["cores"])
    try:
        worker = Worker(LatencyCase(**order["latency_case"]), np.load(order["photo"]))
        _tell(channel, worker.first)
        for line in sys.stdin:
            _tell(channel, worker.turn(json.loads(line)["runs"]))
    except SamnetError as error:
        _tell(channel, {"failure": str(error)})
    except Exception as error:  # whatever a runtime raises is the row's failure
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        _tell(channel, {"failure": f"{type(error).__name__}: {text[:300]}"})


class Worker:
    """An opened case.

    Args:
        case: what to open.
        photo: (H, W, 3) uint8, of any size.

    Attributes:
        first: what opening and the first run took: seconds, and the input's height and width.

    Raises:
        InputError: if it cannot be opened.
    """

    def __init__(self, latency_case: LatencyCase, photo: Bytes) -> None:
        start = time.perf_counter()
        engines.preload(latency_case.engine)
        imported = time.perf_counter()
        self._before = _kilobytes("VmRSS")
        _forget_peak()
        start_cold = time.perf_counter()
        opened = engines.open_latency_case(latency_case)
        self._run = opened.run
        self._photo = resize_photo(photo, opened.size)
        self._run(self._photo)
        self.first: dict[str, Any] = {
            "import_s": imported - start,
            "cold_start_s": time.perf_counter() - start_cold,
            "size": opened.size,
        }

    def turn(self, runs: int) -> dict[str, Any]:
        """Run once untimed, then as often as asked for.

        The process was stopped until now while others ran: the first run fills the caches again.

        Returns:
            The seconds of each run, those of them in which the process waited for a core, and the
            peak of memory so far, in MB above what the imported engine takes and in all.
        """
        self._run(self._photo)
        seconds = []
        waited = _waited()
        for _ in range(runs):
            start = time.perf_counter()
            self._run(self._photo)
            seconds.append(time.perf_counter() - start)
        peak = _kilobytes("VmHWM")
        return {
            "seconds": seconds,
            "waited": _waited() - waited,
            "peak_MB": (peak - self._before) * 1024 / 1e6 if peak else None,
            "process_MB": peak * 1024 / 1e6 if peak else None,
        }


def _channel() -> TextIO:
    """Keep standard output for answers; what libraries print there goes to standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


def _tell(channel: TextIO, answer: dict[str, Any]) -> None:
    channel.write(json.dumps(answer) + "\n")
    channel.flush()


def _kilobytes(name: str) -> int:
    """Read a line of the process's status; 0 where the system has none."""
    found = STATUS.exists() and re.search(name + r":\s*(\d+) kB", STATUS.read_text())
    return int(found[1]) if found else 0


def _forget_peak() -> None:
    """Reset the highest point of memory, so that imports do not count."""
    if (clear := Path("/proc/self/clear_refs")).exists():
        clear.write_text("5")


def _waited() -> float:
    """Read the seconds that this process's threads have waited for a core; 0 where unknown."""
    total = 0
    for path in Path("/proc/self/task").glob("*/schedstat"):
        try:
            total += int(path.read_text().split()[1])
        except (OSError, IndexError):  # the thread has ended, or the system does not count
            continue
    return total / 1e9


if __name__ == "__main__":
    main()
