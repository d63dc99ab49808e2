"""Kinds of figures in result files: which way is better, and how much worse is tolerated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Literal

from common.errors import InputError
from common.result_file import by_last_step

Result = Mapping[str, Any]


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


ACCURACY = {
    "max_F": Kind("higher", 0.005),
    "MAE": Kind("lower", 0.003),
    "weighted_F": Kind("higher", 0.005),
    "S": Kind("higher", 0.005),
    "E_max": Kind("higher", 0.005),
}
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


def figures_of(result: Result, name: str) -> Figures:
    """List the figures of any result file of this project.

    Args:
        result: its content.
        name: of the file, for messages.

    Raises:
        InputError: if it holds none, or they are not where they should be.
    """
    found: Figures = {}
    try:
        for subject, values in _entries(result):
            for figure, value in values.items():
                if value is not None:
                    found[subject, figure] = float(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name}: not a result file of this project ({error!r})") from error
    if not found:
        raise InputError(
            f"{name}: holds no figure that can be compared; expected a result file such as "
            "benchmarks.regression.counts writes"
        )
    return found


def _entries(result: Result) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what figures are of, with the figures."""
    for subject, values in result.get("counts", {}).items():
        yield subject, {key: values[key] for key in values.keys() & KINDS.keys()}
    for row in result.get("accuracy", ()):  # benchmarks.accuracy
        yield f"{row['name']} on {row['data']}", {key: row[key] for key in ACCURACY}
    if result.keys() >= {"model", "maps", "data"}:  # samnet.evaluate
        model = PurePath(result["model"] or result["maps"]).name
        for data in result["data"]:
            for end, scores in by_last_step(data):
                name = f"{model}{end} on {data['name']}"
                yield name, {key: scores[key] for key in ACCURACY}
    for network in result.get("networks", ()):  # benchmarks.regression.cost
        yield network["name"], {key: network[key] for key in ("parameters", "multiply_adds")}
    for file, cores in result.get("instructions", {}).items():
        for core, count in cores.items():
            yield f"{file} on {core}", {"instructions": count}
    for file, times in result.get("latency_ms", {}).items():
        yield file, _times(times)
    for row in result.get("rows", ()):  # benchmarks.latency, memory and demo
        if "file" in row and not row.get("failure"):
            yield _subject(row), _of_row(row)


def _subject(row: Mapping[str, Any]) -> str:
    parts = [row["file"], row.get("label"), row.get("size") and f"{row['size']} px"]
    threads = row.get("threads")
    return ", ".join(str(part) for part in (*parts, threads and f"{threads} threads") if part)


def _of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    values = {key: row[key] for key in ("max_F", "MAE", "peak_MB") if key in row}
    return values | (_times(row["latency_ms"]) if row.get("latency_ms") else {})


def _times(times: Mapping[str, float]) -> dict[str, float]:
    return {"median_ms": times["median"], "minimum_ms": times["minimum"]}
