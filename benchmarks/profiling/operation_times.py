"""Times of an artifact's operations, taken by its runtime."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.profiling.operation_cost import OperationCost
from benchmarks.profiling.torch_modules import assign, network_calls
from benchmarks.shared.timing import WARM_UP
from edge_apps.manifest import Manifest

LEAST = 50
"""Runs of each model, of which the median is taken."""


class Profiler(Protocol):
    """A loaded artifact whose operations are timed.

    Attributes:
        engine: what runs it.
        works: the file's operations.
        names: the runtime's operations, in the order of execution.
        places: for each name the index of its operation in the file, None where unknown.
        notes: what the times leave out.
        size: height and width of the photo in pixels.
    """

    engine: str
    works: list[OperationCost]
    names: list[str]
    places: list[int | None]
    notes: list[str]

    @property
    def size(self) -> int:
        """Height and width of the network's input in pixels."""

    def run(self, photo: NDArray[Any]) -> tuple[list[int], int]:
        """Run once; return the microseconds of each operation and of the whole."""


@dataclasses.dataclass(frozen=True)
class Timed:
    """One operation that a runtime executed.

    Args:
        name: the runtime's.
        microseconds: median of all runs.
        module: the torch module it comes from, None where nothing tells.
        work: what it has to do, None where the file's operation is not known.
    """

    name: str
    microseconds: float
    module: str | None
    work: OperationCost | None

    @property
    def kind(self) -> str:
        """The kind of its work, or the runtime's name."""
        return self.work.kind if self.work else self.name


@dataclasses.dataclass(frozen=True)
class Profile:
    """Where the time of one artifact goes.

    Args:
        file: the artifact's name.
        engine: what ran it.
        precision: of its arithmetic.
        outside: microseconds of an inference that no operation accounts for, median of all runs;
            runtimes round each operation's time down to whole microseconds, so its share of them
            is here too.
        wall: microseconds of a whole inference on this machine, as busy as it was, median.
        operations: in the order of execution.
        notes: what the times leave out.
    """

    file: str
    engine: str
    precision: str
    outside: float
    wall: float
    operations: tuple[Timed, ...]
    notes: tuple[str, ...]

    @property
    def microseconds(self) -> float:
        """Of an inference: the medians of all operations and of what lies outside them.

        Where other work interrupts this process, an interruption falls on one operation of a run,
        and the median of that operation does not see it; the median of whole runs does.
        """
        return self.outside + sum(timed.microseconds for timed in self.operations)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a result file."""
        return {
            "file": self.file,
            "engine": self.engine,
            "precision": self.precision,
            "microseconds": self.microseconds,
            "microseconds_outside_operations": self.outside,
            "microseconds_wall_median": self.wall,
            "notes": list(self.notes),
            "operations": [
                {
                    "name": timed.name,
                    "kind": timed.kind,
                    "module": timed.module,
                    "microseconds": timed.microseconds,
                    "share": round(timed.microseconds / self.microseconds, 5),
                    "shape": timed.work and list(timed.work.shape),
                    "multiply_adds": timed.work and timed.work.multiply_adds,
                    "bytes": timed.work and round(timed.work.bytes),
                }
                for timed in self.operations
            ],
        }


def profile(
    opened: dict[str, tuple[Profiler, Manifest]], *, repetitions: int = LEAST
) -> tuple[list[Profile], float]:
    """Run models in turn and take the median time of each operation.

    Args:
        opened: profilers and manifests by name.
        repetitions: timed runs of each.

    Returns:
        A profile of each, and the share of the time in which this process ran.
    """
    from common.images.photos import resize_photo
    from samnet.data.embedded import embedded_photos

    photo = embedded_photos()[0].photo
    photos = {n: resize_photo(photo, (p.size, p.size)) for n, (p, _) in opened.items()}
    times: dict[str, list[list[int]]] = {name: [] for name in opened}
    totals: dict[str, list[int]] = {name: [] for name in opened}
    began, used = time.perf_counter(), time.process_time()
    for turn in range(WARM_UP + repetitions):
        for name, (profiler, _) in opened.items():
            found, total = profiler.run(photos[name])
            if turn >= WARM_UP:
                times[name].append(found)
                totals[name].append(total)
    running = (time.process_time() - used) / (time.perf_counter() - began)
    profiles = [
        _profile(name, profiler, manifest, times[name], totals[name])
        for name, (profiler, manifest) in opened.items()
    ]
    return profiles, min(1.0, running)


def _profile(
    name: str,
    profiler: Profiler,
    manifest: Manifest,
    times: list[list[int]],
    totals: list[int],
) -> Profile:
    modules = assign(profiler.works, network_calls(manifest.config, manifest.size))
    medians = np.median(times, axis=0)
    timed = []
    for operation, place, microseconds in zip(
        profiler.names, profiler.places, medians, strict=True
    ):
        module, work = (None, None) if place is None else (modules[place], profiler.works[place])
        timed.append(Timed(operation, float(microseconds), module, work))
    outside = np.array(totals) - np.sum(times, axis=1)
    return Profile(
        file=name,
        engine=profiler.engine,
        precision=manifest.precision,
        outside=float(np.median(outside)),
        wall=float(np.median(totals)),
        operations=tuple(timed),
        notes=tuple(profiler.notes),
    )
