"""Result files read, checked, found by what they are, and known to be stale."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from benchmarks.baselines import trained
from benchmarks.results.accuracy_kinds import Accuracy, PtqOptions, Sensitivity
from benchmarks.results.device_kinds import (
    Android,
    Board,
    LongRun,
    PlaceAgreement,
    Stages,
    Start,
    Steadiness,
)
from benchmarks.results.schema import Result
from benchmarks.results.speed_kinds import (
    Cost,
    Counts,
    Demo,
    Instructions,
    Latency,
    Profile,
    TfliteEngines,
)
from benchmarks.results.training_kinds import Ablation, Throughput
from common.decode import decode
from common.errors import InputError
from common.files import sha256
from common.result_file import KINDS
from common.safe_json import parse_json

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "results"

SHIPPED = (ROOT / "samnet" / "weights", ROOT / "edge_apps" / "models", trained.FOLDER)
"""Folders of the files that results are of: weights, artifacts, weights of baselines."""

SCHEMAS: dict[str, type[Result]] = {
    "ablation": Ablation,
    "accuracy": Accuracy,
    "agreement": PlaceAgreement,
    "android": Android,
    "board": Board,
    "cost": Cost,
    "counts": Counts,
    "demo": Demo,
    "instructions": Instructions,
    "latency": Latency,
    "long_run": LongRun,
    "profile": Profile,
    "ptq_options": PtqOptions,
    "sensitivity": Sensitivity,
    "stages": Stages,
    "start": Start,
    "steadiness": Steadiness,
    "tflite_engines": TfliteEngines,
    "throughput": Throughput,
}
"""The dataclass of each kind."""

Results = Mapping[str, Result]
"""Results by the names of their files without ``.json``."""

Kind = TypeVar("Kind", bound=Result)


def read_result(path: Path) -> Result:
    """Read a result file.

    Raises:
        InputError: if it cannot be read, or is not as its command writes it.
    """
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give a result file"
        ) from error
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error}); measure anew") from error
    kind = values.get("kind") if isinstance(values, dict) else None
    if kind not in SCHEMAS:
        raise InputError(f"{path}: kind is {kind!r}, expected a result file of this project")
    if values.get("version") != KINDS[kind]:
        raise InputError(
            f"{path}: version {values.get('version')!r} of {kind}, expected {KINDS[kind]}; "
            "measure anew"
        )
    try:
        return decode(SCHEMAS[kind], values)
    except TypeError as error:
        raise InputError(f"{path}: not as its command writes it ({error}); measure anew") from error


def read_results(folder: Path = FOLDER) -> dict[str, Result]:
    """Read all result files of a folder by their names, sorted.

    Raises:
        InputError: if there is none, or as :func:`read_result`.
    """
    # A dot begins the name of a file that is being written.
    found = {path.stem: read_result(path) for path in sorted(folder.glob("[!.]*.json"))}
    if not found:
        raise InputError(f"{folder}: no result file; write them with make results")
    return found


def of_kind(results: Results, kind: type[Kind]) -> dict[str, Kind]:
    """Pick the results of a kind by their names, the oldest first."""
    found = {name: it for name, it in results.items() if isinstance(it, kind)}
    return dict(sorted(found.items(), key=lambda it: it[1].environment.date))


def newest(
    results: Results, kind: type[Kind], fits: Callable[[Kind], bool] = lambda _: True
) -> Kind | None:
    """Pick the newest result of a kind that fits; a stale one where there is no other."""
    found = [it for it in of_kind(results, kind).values() if fits(it)]
    return max(found, key=lambda it: (not stale(it), it.environment.date), default=None)


def stale(result: Result) -> list[str]:
    """Name the shipped files that are no longer those that a result was measured on."""
    return sorted(
        name
        for name, digest in result.measured.items()
        if shipped(name) is not None and not is_current(name, digest)
    )


def is_current(name: str, digest: str | None) -> bool:
    """Tell whether a file of this name and SHA-256 is shipped."""
    path = shipped(name)
    return path is not None and _hash(path, path.stat().st_mtime_ns) == digest


def stale_lines(results: Results) -> list[str]:
    """Name each stale result in a line, with what to do."""
    return [
        f"{name}.json is of an earlier {', '.join(files)}; renew it: make results ONLY={name}"
        for name, result in results.items()
        if (files := stale(result))
    ]


def shipped(name: str) -> Path | None:
    """Find the shipped weights or artifact of a name; None where none is called so."""
    return next((path for it in SHIPPED if (path := it / name).is_file()), None)


@functools.cache
def _hash(path: Path, _changed: int) -> str:
    return sha256(path)
