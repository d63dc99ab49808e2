"""Interleaved timing: every case in a process of its own, one turn of each per round."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latency.case import LatencyCase
from benchmarks.results.speed_kinds import LatencyRow, Times
from benchmarks.shared.timing import WARM_UP, pinned
from common.errors import InputError
from common.images.photos import Bytes
from common.progress import progress

OPENING, RUNNING = 900.0, 300.0
"""Seconds after which a case is given up: compiling takes minutes, an inference does not."""

WORKER = [sys.executable, "-m", "benchmarks.latency.worker"]

PERCENTILES = (5, 25, 75, 90, 95, 99)


@dataclasses.dataclass(frozen=True)
class Timed:
    """What became of a case.

    Args:
        case: who.
        figures: by name, plain JSON values; empty where it failed.
        failure: why there are none.
    """

    latency_case: LatencyCase
    figures: dict[str, Any]
    failure: str = ""


def latency_row(timed: Timed) -> LatencyRow:
    """Make a row of the result file."""
    from benchmarks.regression.model_cost import megabytes, multiply_adds

    case = timed.latency_case
    figures = {"size": case.size, **timed.figures}
    if times := figures.pop("latency_ms", None):
        figures["latency_ms"] = Times(**times)
    if case.file:
        figures |= {"megabytes": megabytes(case), "multiply_adds": multiply_adds(case)}
    return LatencyRow(
        network=case.network,
        engine=case.engine,
        label=case.label,
        precision=case.precision,
        file=Path(case.file).name,
        threads=case.threads,
        remark=case.remark,
        failure=timed.failure,
        **figures,
    )


class TimedProcess:
    """A case's process.

    Args:
        case: who; without a failure.
        photo: file of the photo, written by NumPy.
        folder: for the process's notices.
    """

    def __init__(self, latency_case: LatencyCase, photo: Path, folder: Path) -> None:
        self.latency_case = latency_case
        self.failure = ""
        self.first: dict[str, Any] = {}
        self.last: dict[str, Any] = {}
        self.seconds: list[float] = []
        self.waited = 0.0
        threads = str(latency_case.threads)
        with pinned(latency_case.threads) as cores:
            self._log = (folder / f"{id(self)}.log").open("w+b")
            self._process = subprocess.Popen(
                WORKER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={
                    **os.environ,
                    "OMP_NUM_THREADS": threads,
                    "MKL_NUM_THREADS": threads,
                    # A compiler that finds its own work of yesterday would start too fast.
                    "TORCHINDUCTOR_CACHE_DIR": tempfile.mkdtemp(dir=folder),
                    "TORCHINDUCTOR_COMPILE_THREADS": "1",
                },
            )
        order = {"latency_case": latency_case.to_dict(), "photo": str(photo), "cores": cores}
        self.first = self._ask(order, OPENING)
        self.pause()

    def turn(self, runs: int, *, timed: bool) -> None:
        """Have it run while everybody else stands still."""
        self._signal("SIGCONT")
        answer = self._ask({"runs": runs}, RUNNING)
        if not self.failure:
            self.last = answer
            if timed:
                self.seconds += answer["seconds"]
                self.waited += answer["waited"]
        self.pause()

    def pause(self) -> None:
        """Stop it: idle threads of some runtimes spin, and would take the others' time."""
        self._signal("SIGSTOP")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def result(self) -> Timed:
        """Return its figures, or why it has none."""
        if self.failure:
            return Timed(self.latency_case, {}, self.failure)
        milliseconds = np.array(self.seconds) * 1000
        found = np.percentile(milliseconds, PERCENTILES)
        figures = {
            "size": self.first["size"],
            "latency_ms": {
                "median": round(float(np.median(milliseconds)), 3),
                "minimum": round(float(milliseconds.min()), 3),
                **{f"p{p}": round(float(x), 3) for p, x in zip(PERCENTILES, found, strict=True)},
            },
            "cold_start_ms": round(1000 * self.first["cold_start_s"], 1),
            "import_ms": round(1000 * self.first["import_s"], 1),
            "peak_MB": self.last["peak_MB"] and round(self.last["peak_MB"], 1),
            "process_MB": self.last["process_MB"] and round(self.last["process_MB"], 1),
            # Threads that wait at the same time are counted each.
            "waited": round(min(1.0, self.waited / sum(self.seconds)), 4),
        }
        return Timed(self.latency_case, figures)

    def _ask(self, question: dict[str, Any], patience: float) -> dict[str, Any]:
        """Ask for an answer; none, and a failure noted, where there is no good one."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        answer = self._line(time.monotonic() + patience)
        if answer is None:
            self._process.kill()
            self.failure = f"no answer within {patience:.0f} s"
            return {}
        if not answer:
            self.failure = self._end()
            return {}
        found: dict[str, Any] = json.loads(answer)
        self.failure = found.get("failure", "")
        return found

    def _line(self, until: float) -> bytes | None:
        """Read the next line, empty at the end of the stream; None when it is too late."""
        assert self._process.stdout is not None
        handle, line = self._process.stdout.fileno(), b""
        while not line.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not select.select([handle], [], [], left)[0]:
                return None
            read = os.read(handle, 1 << 16)
            if not read:
                return b""
            line += read
        return line

    def _end(self) -> str:
        """Describe how the process ended, and the last that it wrote."""
        status = self._process.wait()
        ended = signal.Signals(-status).name if status < 0 else f"status {status}"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"its process ended with {ended}" + (f" ({lines[-1][:300]})" if lines else "")

    def _signal(self, name: str) -> None:
        # Windows has neither; there idle cases stay awake.
        if self._process.poll() is None and hasattr(signal, name):
            self._process.send_signal(getattr(signal, name))


def time_interleaved(
    latency_cases: Sequence[LatencyCase], photo: Bytes, *, repetitions: int, warm_up: int = WARM_UP
) -> list[Timed]:
    """Open all cases, then run them in turn, round by round.

    Args:
        latency_cases: those with a failure stay as they are.
        photo: (H, W, 3) uint8, which each resizes to its own size before it is timed.
        repetitions: timed runs of each.
        warm_up: untimed rounds before them.

    Returns:
        A row for each, in order; failures are rows too.

    Raises:
        InputError: for senseless counts, or more threads than cores.
    """
    if repetitions < 1 or warm_up < 0:
        raise InputError(f"{repetitions} repetitions after {warm_up}; use at least 1 and 0")
    processes: dict[int, TimedProcess] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "photo.npy"
        np.save(file, photo)
        try:
            able = [(i, it) for i, it in enumerate(latency_cases) if not it.failure]
            for i, latency_case in progress(able, len(able), "opening"):
                processes[i] = TimedProcess(latency_case, file, folder)
            for turn in progress(range(warm_up + repetitions), warm_up + repetitions, "rounds"):
                for timed_process in processes.values():
                    if not timed_process.failure:
                        timed_process.turn(1, timed=turn >= warm_up)
        finally:
            for timed_process in processes.values():
                timed_process.close()
    return [
        processes[i].result() if i in processes else Timed(it, {}, it.failure)
        for i, it in enumerate(latency_cases)
    ]
