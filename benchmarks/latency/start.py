"""``samnet bench start``: time from starting the program to its first map.

Each repetition is a new process, as a user starts it: ``samnet run PHOTO --show
map``. Its time runs from before the process is made until after its end, so that all of Python's
own start counts. One more process tells by ``-X importtime`` what is imported and how long that
takes; torch among it is an error.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

from common.arguments import MODEL
from common.command import Command
from common.errors import InputError
from common.images.photos import write_image
from common.output_paths import check_absent
from edge_apps.shipped import default_model

ROOT = Path(__file__).resolve().parents[2]

PHOTO = "coffee"
"""The embedded photo, which the disk gives as a PNG."""

HEAVY = frozenset({"torch", "torchvision", "tensorflow", "jax", "scipy", "samnet"})
"""What no program of a device may load."""

NAMED = 3
"""Packages whose imports are told, those that take longest."""

IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| +([\w.]+)")
"""A line of -X importtime: a module's own microseconds and its name."""


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench start``."""

    model: Annotated[Path, MODEL] = dataclasses.field(default_factory=default_model)
    """The network."""
    repetitions: int = 20
    """Processes that are timed, after one that is not."""
    json: Path | None = None
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


class Start(NamedTuple):
    """One process: seconds from its start to its end, and of those on a processor."""

    seconds: float
    running: float


def main(options: Options) -> None:
    """Time the starts, print what came of it and write the file."""
    from common.result_file import write_result
    from edge_apps.manifest import hashes
    from samnet.data.embedded import embedded_photos

    if options.repetitions < 1:
        raise InputError(f"--repetitions is {options.repetitions}, expected at least 1")
    if options.json:
        check_absent(options.json, overwrite=options.overwrite)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = folder / f"{PHOTO}.png"
        write_image(photo, next(it.photo for it in embedded_photos() if it.name == PHOTO))
        modules = imported(_run(options.model, photo, folder / "imports", "-X", "importtime")[1])
        starts = [
            _run(options.model, photo, folder / str(number))[0]
            for number in range(options.repetitions + 1)
        ][1:]
    taken = [it.seconds for it in starts]
    seconds = {"median": float(np.median(taken)), "minimum": min(taken), "maximum": max(taken)}
    packages = by_package(modules)
    result = {
        "model": options.model.name,
        "repetitions": options.repetitions,
        "seconds": seconds,
        "running": float(np.median([it.running / it.seconds for it in starts])),
        "modules": len(modules),
        "import_seconds": sum(packages.values()),
        "packages": dict(sorted(packages.items(), key=lambda it: -it[1])[:NAMED]),
    }
    print(
        "start to first map: median {median:.2f} s, {minimum:.2f} to {maximum:.2f}".format(
            **seconds
        )
    )
    print(
        f"{len(modules)} modules in {result['import_seconds']:.2f} s, none of torch; on a "
        f"processor {result['running']:.0%} of the time"
    )
    if options.json:
        write_result(
            options.json,
            "start",
            result,
            measured=hashes(options.model),
            threads=1,
            overwrite=options.overwrite,
        )


def _run(model: Path, photo: Path, output: Path, *flags: str) -> tuple[Start, str]:
    """Run one process; also return what it wrote to standard error.

    Raises:
        InputError: if it wrote no map.
    """
    words = (photo, "--show", "map", "--output", output, "--model", model.resolve())
    command = [sys.executable, *flags, "-m", "edge_apps.desktop", *map(str, words)]
    before, begun = os.times(), time.perf_counter()
    done = subprocess.run([*command, "--threads", "1"], cwd=ROOT, capture_output=True, text=True)
    seconds, after = time.perf_counter() - begun, os.times()
    if done.returncode or not (output / photo.name).exists():
        said = done.stderr.strip().splitlines() or ["nothing on standard error"]
        raise InputError(f"{model}: no map, status {done.returncode}: {said[-1]}")
    running = sum(after[2:4]) - sum(before[2:4])
    return Start(seconds, running), done.stderr


def imported(told: str) -> dict[str, float]:
    """Parse the seconds that each module took for itself from what ``-X importtime`` told.

    Raises:
        InputError: if one of them is :data:`HEAVY`, or there is none at all.
    """
    modules = {name: int(microseconds) / 1e6 for microseconds, name in IMPORT.findall(told)}
    if not modules:
        raise InputError("-X importtime told of no module")
    heavy = sorted(HEAVY & {name.partition(".")[0] for name in modules})
    if heavy:
        raise InputError(f"the program loads {', '.join(heavy)}, which no device has")
    return modules


def by_package(modules: dict[str, float]) -> dict[str, float]:
    """Sum the seconds of the modules by the package that they are of."""
    found: dict[str, float] = collections.defaultdict(float)
    for name, seconds in modules.items():
        found[name.partition(".")[0]] += seconds
    return dict(found)


COMMAND = Command.of(Options, main, "Times the start of the desktop's program up to its first map.")

if __name__ == "__main__":
    COMMAND.run()
