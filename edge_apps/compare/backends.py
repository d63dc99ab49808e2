"""Backends of a comparison: this machine's CPU and GPU, emulated arm64, an Android device."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from common.child_process import child_environment
from common.errors import DeviceError, InputError
from common.images.photos import Bytes
from edge_apps.compare.worker import WARM_UP, run_cpu

SECONDS = 600.0
"""Patience with a child process, beside ten for every frame."""

CARDS = ("/dev/dri/renderD*", "/dev/nvidia[0-9]*")
"""Where Linux shows graphics cards; without one a GPU is made of software."""


class Absent(DeviceError):
    """A place does not exist here, or does not take a model; the message says why."""


class Maps(NamedTuple):
    """What a place made of frames.

    Args:
        maps: (N, M, M) uint8, coded.
        taken: milliseconds of each frame; None where they would mean nothing.
    """

    maps: Bytes
    taken: list[float] | None


class Backend(Protocol):
    """Runs networks.

    Attributes:
        name: name for tables.
    """

    name: str

    def run(self, model: Path, frames: Bytes) -> Maps:
        """Map frames (N, S, S, 3) uint8.

        Raises:
            Absent: if it cannot be done.
            InputError: if it fails.
        """


class Cpu:
    """This machine's processor.

    Args:
        threads: number of threads that the network may use.
    """

    name = "CPU"

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def run(self, model: Path, frames: Bytes) -> Maps:
        """See :class:`Backend`."""
        return Maps(*run_cpu(model, frames, self.threads, WARM_UP))


class Gpu:
    """This machine's graphics card, by LiteRT's accelerator."""

    name = "GPU"

    def run(self, model: Path, frames: Bytes) -> Maps:
        """See :class:`Backend`."""
        if model.suffix != ".tflite":
            raise Absent(f"no GPU backend for {model.suffix}; it is LiteRT's, for .tflite")
        found = run_child([sys.executable], "gpu", model, frames, 1)
        if not any(path for pattern in CARDS for path in Path("/").glob(pattern[1:])):
            return found._replace(taken=None)
        return found


def run_child(
    python: Sequence[str],
    place: str,
    model: Path,
    frames: Bytes,
    threads: int,
    environment: dict[str, str] | None = None,
) -> Maps:
    """Run :mod:`edge_apps.compare.worker` by a Python.

    Args:
        python: its command line.
        place: ``cpu`` or ``gpu``.
        model: the artifact.
        frames: (N, S, S, 3) uint8.
        threads: number of threads that the network may use.
        environment: variables beside this process's own.

    Raises:
        Absent: with the child's own reason.
        InputError: if it crashes or does not end.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "frames.npy", Path(folder) / "maps.npz"
        np.save(source, frames)
        words = ["-m", "edge_apps.compare.worker", place, model.resolve(), source, target, threads]
        said = run_program([*python, *map(str, words)], len(frames), environment)
        if not target.exists():
            raise InputError(f"ended without maps: {said[-200:] or 'it says nothing'}")
        with np.load(target) as result:
            return Maps(result["maps"], result["taken"].tolist())


def run_program(
    command: Sequence[str], count: int, environment: dict[str, str] | None = None
) -> str:
    """Run a program over so many frames; return what it wrote to standard error, in one line.

    Raises:
        Absent: if it ended with status 3, with its reason.
        InputError: if it ended with another one, crashed, or did not end.
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS + 10 * count,
            env=child_environment(**(environment or {})),
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"no answer within {error.timeout:.0f} s") from error
    except OSError as error:
        raise InputError(f"{command[0]}: cannot be started ({error.strerror})") from error
    lines = done.stderr.strip().splitlines()
    reasons = [line.removeprefix("reason: ") for line in lines if line.startswith("reason: ")]
    if done.returncode == 3 and reasons:
        raise Absent(reasons[-1])
    if done.returncode:
        detail = lines[-1] if lines else "it says nothing"
        raise InputError(f"ended with status {done.returncode}: {detail}")
    return " ".join(lines)
