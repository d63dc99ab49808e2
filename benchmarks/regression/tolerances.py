"""Kinds of figures in result files: which way is better, and how much worse is tolerated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from benchmarks.results.accuracy_kinds import Accuracy
from benchmarks.results.schema import Result
from benchmarks.results.speed_kinds import Cost, Counts, Demo, Instructions, Latency, Times
from samnet.evaluation.metrics import HEADLINES


@dataclasses.dataclass(frozen=True)
class Kind:
    """How a figure is judged.

    Args:
        better: which way.
        absolute: how much worse it may be, in its own unit.
        relative: how much worse it may be, as a share of what it was; the larger one counts.
        machine: whether it depends on the machine, so that only one machine's can be compared.
    """

    better: Literal["higher", "lower"]
    absolute: float = 0.0
    relative: float = 0.0
    machine: bool = False

    def allowed(self, old: float) -> float:
        """Tell how much worse than ``old`` it may be."""
        return max(self.absolute, self.relative * abs(old))


ACCURACY = {field: Kind(it.better, it.tolerance) for field, it in HEADLINES.items()}
"""Rounding of other processors moves these in the fourth digit."""

KINDS: dict[str, Kind] = {
    "parameters": Kind("lower"),
    "multiply_adds": Kind("lower"),
    "bytes": Kind("lower", relative=0.01),
    "delegated": Kind("higher"),
    "partitions": Kind("lower"),
    **ACCURACY,
    "instructions": Kind("lower", relative=0.005),
    "median_ms": Kind("lower", relative=0.15, machine=True),
    "minimum_ms": Kind("lower", relative=0.1, machine=True),
    "peak_MB": Kind("lower", relative=0.1, machine=True),
}
"""Every figure that can be compared."""

Figures = dict[tuple[str, str], float]
"""By what they are of and their name, a key of ``KINDS``."""


def figures_of(result: Result) -> Figures:
    """Collect the figures of a result that can be compared; none where there are no such."""
    entries = _ENTRIES.get(type(result))
    return {
        (subject, figure): float(value)
        for subject, values in (entries(result) if entries else ())
        for figure, value in values.items()
        if value is not None
    }


Entries = Iterator[tuple[str, Mapping[str, float | None]]]
"""What figures are of, with the figures."""


def _accuracy(result: Accuracy) -> Entries:
    for row in result.rows:
        yield f"{row.name} on {row.data}", {field: row.values[field] for field in ACCURACY}


def _counts(result: Counts) -> Entries:
    for subject, values in result.counts.items():
        yield subject, {key: values[key] for key in values.keys() & KINDS.keys()}


def _cost(result: Cost) -> Entries:
    for it in result.networks:
        yield it.name, {"parameters": it.parameters, "multiply_adds": it.multiply_adds}


def _instructions(result: Instructions) -> Entries:
    for file, cores in result.instructions.items():
        for core, count in cores.items():
            yield f"{file} on {core}", {"instructions": count}


def _latency(result: Latency) -> Entries:
    for row in result.rows:
        if not row.failure:
            name = f"{row.file}, {row.label}, {row.size} px, {row.threads} threads"
            yield name, {"peak_MB": row.peak_MB, **_times(row.latency_ms)}


def _demo(result: Demo) -> Entries:
    for row in result.rows:
        yield (
            f"{row.file}, {row.label}",
            _times(row.latency_ms) | {"max_F": row.max_F, "MAE": row.MAE},
        )


def _times(times: Times | None) -> dict[str, float | None]:
    return {"median_ms": times.median, "minimum_ms": times.minimum} if times else {}


_ENTRIES: dict[type[Result], Callable[[Any], Entries]] = {
    Accuracy: _accuracy,
    Counts: _counts,
    Cost: _cost,
    Instructions: _instructions,
    Latency: _latency,
    Demo: _demo,
}
