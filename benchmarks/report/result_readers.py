"""Reads accuracies and latencies out of all result files for the report."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from common.errors import InputError
from edge_apps.formats import FORMATS
from samnet.networks.registry import CONFIGS

Results = Mapping[str, Mapping[str, Any]]
"""Contents of result files by their names without ``.json``."""

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
class Accuracy:
    """Scores of a file on a data set.

    Args:
        name: for tables.
        file: what was evaluated; for maps of others the folder's name.
        data: the data set.
        count: photos.
        published_count: of the set as published, if it was.
        size: pixels at which it ran; None where the result does not say.
        max_F: the paper's.
        MAE: mean absolute error.
        scores: weighted F, S and E by the fields of ``Scores``.
        precision: at 256 thresholds.
        recall: likewise.
        result: name of the result file.
    """

    name: str
    file: FileName
    data: str
    count: int
    published_count: int | None
    size: int | None
    max_F: float
    MAE: float
    scores: dict[str, float | None]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
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
    """List all latencies, in the order of the result files.

    Raises:
        InputError: if a result file is not as it should be.
    """
    return [row for name, result in results.items() for row in _checked(_timings, name, result)]


def accuracies(results: Results) -> list[Accuracy]:
    """List all scores, each file and data set once: the latest that was measured.

    Raises:
        InputError: if a result file is not as it should be.
    """
    latest: dict[tuple[str, str, int | None], tuple[str, Accuracy]] = {}
    for name, result in results.items():
        date = str(result.get("environment", {}).get("date", ""))
        for row in _checked(_accuracies, name, result):
            key = (row.file.text, row.data, row.size)
            if key not in latest or latest[key][0] <= date:
                latest[key] = (date, row)
    rows = [row for _, row in latest.values()]
    # A result that does not say the size is of use where no other one does.
    sized = {(row.file.text, row.data) for row in rows if row.size is not None}
    return [r for r in rows if r.size is not None or (r.file.text, r.data) not in sized]


def _checked(read: Any, name: str, result: Mapping[str, Any]) -> list[Any]:
    try:
        return list(read(name, result))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{name}.json: not as its command writes it ({error!r}); measure anew"
        ) from error


def _timings(name: str, result: Mapping[str, Any]) -> Iterator[Timing]:
    threads = result.get("environment", {}).get("threads") or 1
    if isinstance(times := result.get("latency_ms"), Mapping):
        for text, it in times.items():
            file = file_name(text)
            yield Timing(
                file=file,
                engine=ENGINES.get(file.suffix, file.suffix),
                precision=file.precision or "fp32",
                size=file.size,
                threads=int(threads),
                median=float(it["median"]),
                minimum=float(it["minimum"]),
                megabytes=None,
                peak_MB=None,
                remark="",
                failure="",
                result=name,
            )
    for row in result.get("rows", ()):
        if "place" in row:
            continue  # of edge_apps.compare, which compares maps and times nothing side by side
        if "latency_ms" in row or row.get("failure"):
            yield _timing_of_row(name, row, int(row.get("threads") or threads), result.get("size"))


def _timing_of_row(name: str, row: Mapping[str, Any], threads: int, size: int | None) -> Timing:
    file = file_name(row.get("file") or row.get("network", ""), row.get("network", ""))
    precision = row.get("precision") or file.precision or "fp32"
    label = row.get("label") or ENGINES.get(file.suffix, file.suffix)
    times = row.get("latency_ms") or {}
    megabytes = row.get("megabytes", row.get("file_MB"))
    peak = row.get("peak_MB")
    return Timing(
        file=file,
        engine=str(label).removesuffix(f" {precision}"),
        precision=str(precision),
        size=side(row.get("size")) or file.size or size,
        threads=threads,
        median=float(times["median"]) if times else None,
        minimum=float(times["minimum"]) if times else None,
        megabytes=None if megabytes is None else float(megabytes),
        peak_MB=None if peak is None else float(peak),
        remark=row.get("remark") or "",
        failure=row.get("failure") or "",
        result=name,
    )


def side(size: int | Sequence[int] | None) -> int | None:
    """Return the pixels of an input; of one that is not square, the longer side."""
    return max(size) if isinstance(size, Sequence) else size


def _accuracies(name: str, result: Mapping[str, Any]) -> Iterator[Accuracy]:
    if result.keys() >= {"model", "maps", "data"}:  # samnet.evaluate
        text = result["model"] or result["maps"]
        for scores in result["data"]:
            row = {**scores, "data": scores["name"], "name": PurePath(text).name}
            yield _accuracy(name, row, text, result.get("size"))
    for row in result.get("accuracy", ()):  # benchmarks.accuracy
        yield _accuracy(name, row, row["file"], row.get("size"))


def _accuracy(name: str, row: Mapping[str, Any], text: str, size: int | None) -> Accuracy:
    file = file_name(text)
    return Accuracy(
        name=row["name"],
        file=file,
        data=row["data"],
        count=int(row["count"]),
        published_count=row.get("published_count"),
        size=size or file.size,
        max_F=float(row["max_F"]),
        MAE=float(row["MAE"]),
        scores={key: row[key] for key in ("weighted_F", "S", "E_max")},
        precision=tuple(map(float, row["precision"])),
        recall=tuple(map(float, row["recall"])),
        result=name,
    )
