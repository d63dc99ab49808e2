"""Latency or size against accuracy of each form, and the Pareto front."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from benchmarks.report.result_readers import FileName, Scored, Timing
from benchmarks.results.reader import Results, of_kind
from benchmarks.results.speed_kinds import Counts
from edge_apps.recommendation import core


@dataclasses.dataclass(frozen=True)
class ParetoEntry:
    """A file run by an engine.

    Args:
        file: its name.
        engine: what ran it.
        precision: of the arithmetic.
        size: pixels of the input.
        median: latency in ms.
        megabytes: of the file; None where no result says it.
        max_F: on the main data set.
        MAE: likewise.
        core: kind of the core that it was timed on.
    """

    file: FileName
    engine: str
    precision: str
    size: int | None
    median: float
    megabytes: float | None
    max_F: float
    MAE: float
    core: str = ""

    @property
    def label(self) -> str:
        """Names it in charts."""
        size = f" {self.size} px" if self.size else ""
        return f"{self.file.network} {self.precision}{size}, {self.engine}"


def pareto_entries(
    timings: Sequence[Timing], accuracies: Sequence[Scored], results: Results, data: str
) -> list[ParetoEntry]:
    """Join latencies on one thread with accuracies of plain maps on a data set, file by file.

    A form that was timed in several results stands once, with its shortest median.
    """
    sizes = file_megabytes(timings, results)
    found: dict[tuple[str, str, int | None], ParetoEntry] = {}
    for timing in timings:
        scored = accuracy_of(timing, accuracies, data)
        if timing.median is None or timing.threads != 1 or scored is None:
            continue
        features = results[timing.result].environment.cpu_features
        it = ParetoEntry(
            timing.file, timing.engine, timing.precision, timing.size, timing.median,
            sizes.get(timing.file.text), scored.row.max_F, scored.row.MAE, core(features).name,
        )  # fmt: skip
        key = (timing.file.text, timing.engine, timing.size)
        if key not in found or it.median < found[key].median:
            found[key] = it
    return list(found.values())


def accuracy_of(timing: Timing, accuracies: Iterable[Scored], data: str) -> Scored | None:
    """Find the scores of just what was timed: the same file and, as far as it is known, size."""
    for it in accuracies:
        row = it.row
        same = row.file == timing.file.text and row.data == data and row.last_step == "plain"
        # A checkpoint runs at any size, and is another network at each.
        if same and (row.size == timing.size or row.origin in ("onnx", "peer")):
            return it
    return None


def file_megabytes(timings: Iterable[Timing], results: Results) -> dict[str, float]:
    """Collect the sizes of files in millions of bytes by their names."""
    found = {
        name: counts["bytes"] / 1e6
        for result in of_kind(results, Counts).values()
        for name, counts in result.counts.items()
        if "bytes" in counts
    }
    return found | {t.file.text: t.megabytes for t in timings if t.megabytes is not None}


def front(rows: Sequence[ParetoEntry], cost: str) -> list[ParetoEntry]:
    """Select the Pareto front: those that no other one beats in max F and cost."""

    def beaten(row: ParetoEntry) -> bool:
        return any(
            other is not row
            and getattr(other, cost) <= getattr(row, cost)
            and other.max_F >= row.max_F
            and (getattr(other, cost), other.max_F) != (getattr(row, cost), row.max_F)
            for other in rows
        )

    return [row for row in rows if not beaten(row)]
