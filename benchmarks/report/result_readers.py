"""Reads accuracies and latencies out of all result files for the report."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import PurePath

from benchmarks.results.accuracy_kinds import Accuracy, PairedScores
from benchmarks.results.reader import Results, of_kind
from benchmarks.results.speed_kinds import Latency, LatencyRow
from edge_apps.formats import FORMATS
from samnet.evaluation.score_row import ScoreRow
from samnet.networks.registry import CONFIGS

ENGINES = {
    ".safetensors": "PyTorch",
    **{suffix: known.runtime for suffix, known in FORMATS.items()},
}
"""What runs files of a kind unless a result says otherwise."""

NAME = re.compile(r"(?P<network>.+?)_(?P<size>\d+)_(?P<precision>fp32|int8)")
"""How artifacts are called: NAME_SIZE_PRECISION.EXT."""


@dataclasses.dataclass(frozen=True)
class FileName:
    """What the name of a file says.

    Args:
        text: the name.
        network: as ``samnet-edge``.
        size: pixels of the input; None where the name does not say.
        precision: likewise.
    """

    text: str
    network: str
    size: int | None
    precision: str | None

    @property
    def suffix(self) -> str:
        """As ``.tflite``."""
        return PurePath(self.text).suffix

    @property
    def ours(self) -> bool:
        """Whether it is one of SAMNet's forms."""
        return self.network.startswith("samnet") or "stick-breaking" in self.network

    @property
    def baseline(self) -> bool:
        """Whether it is another network that this project builds."""
        return self.network in CONFIGS and not self.ours


@dataclasses.dataclass(frozen=True)
class Timing:
    """A row of a latency table.

    Args:
        file: what was run.
        engine: by what.
        precision: of the arithmetic.
        size: pixels of the input; None where the result does not say.
        threads: that it used.
        median: ms; None where it failed.
        minimum: likewise.
        megabytes: size of the file, where the result says so.
        peak_MB: memory, likewise.
        remark: what a reader has to know of the network.
        failure: why there are no times; empty where there are.
        result: name of the result file.
    """

    file: FileName
    engine: str
    precision: str
    size: int | None
    threads: int
    median: float | None
    minimum: float | None
    megabytes: float | None
    peak_MB: float | None
    remark: str
    failure: str
    result: str


@dataclasses.dataclass(frozen=True)
class Scored:
    """Scores of a file on a data set.

    Args:
        row: as its result has it.
        file: what its name says.
        result: name of the result file.
    """

    row: ScoreRow
    file: FileName
    result: str


@dataclasses.dataclass(frozen=True)
class Compared:
    """A file beside its float network.

    Args:
        pair: what changed.
        network: that both are forms of.
        form: what tells the file from others of the network: size, format and quantization.
        result: name of the result file.
    """

    pair: PairedScores
    network: str
    form: str
    result: str


def file_name(text: str, network: str = "") -> FileName:
    """Read the name of a file; ``network`` stands in where the name does not say one."""
    name = PurePath(text).name
    found = NAME.match(name)
    if found is None:
        precision = "fp32" if name.endswith(".safetensors") else None
        return FileName(name, network or PurePath(name).stem, None, precision)
    size = int(found["size"])
    return FileName(name, found["network"], size, found["precision"])


def timings(results: Results) -> list[Timing]:
    """Collect all latencies, result by result, the oldest first."""
    return [
        _timing(name, row)
        for name, result in of_kind(results, Latency).items()
        for row in result.rows
    ]


def accuracies(results: Results) -> list[Scored]:
    """Collect the latest scores of each file, data set, size and last step."""
    latest = {
        (row.file, row.data, row.size, row.last_step): Scored(row, file_name(row.file), name)
        for name, result in of_kind(results, Accuracy).items()
        for row in result.rows
    }
    return list(latest.values())


def comparisons(results: Results) -> list[Compared]:
    """Collect what int8 changed, result by result, the oldest first."""
    return [
        _compared(pair, name, result.rows)
        for name, result in of_kind(results, Accuracy).items()
        for pair in result.paired
    ]


def _compared(pair: PairedScores, result: str, rows: Sequence[ScoreRow]) -> Compared:
    row = next((it for it in rows if (it.name, it.data) == (pair.name, pair.data)), None)
    text, _, last_step = pair.name.partition(", ")
    file, reference = file_name(text), file_name(pair.reference.partition(", ")[0])
    # A name without a size is that of its network and of how it was quantized.
    same = file.text.startswith(f"{reference.network}_")
    network = reference.network if same else file.network
    size = side(row.size) if row is not None else file.size
    how = PurePath(file.text).stem.removeprefix(f"{network}_").removeprefix(f"{size}_")
    parts = (f"{size} px" if size else "", file.suffix, how if how != network else "", last_step)
    return Compared(pair, network, " ".join(filter(None, parts)), result)


def side(size: int | Sequence[int] | None) -> int | None:
    """Return the pixels of an input; of one that is not square, the longer side."""
    return max(size) if isinstance(size, Sequence) else size


def _timing(name: str, row: LatencyRow) -> Timing:
    file = file_name(row.file or row.network, row.network)
    times = row.latency_ms
    return Timing(
        file=file,
        engine=row.label.removesuffix(f" {row.precision}"),
        precision=row.precision,
        size=side(row.size) or file.size,
        threads=row.threads,
        median=times.median if times else None,
        minimum=times.minimum if times else None,
        megabytes=row.megabytes,
        peak_MB=row.peak_MB,
        remark=row.remark,
        failure=row.failure,
        result=name,
    )
