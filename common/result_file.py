"""Result files: figures with the circumstances they were measured under, as JSON."""

from __future__ import annotations

import datetime
import json
import platform
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import processor
from common.files import replacing
from common.installed import installed_version

PACKAGES = (
    "torch",
    "torchao",
    "executorch",
    "litert-torch",
    "ai-edge-litert",
    "onnx2tf",
    "onnxruntime",
    "tensorflow",
    "numpy",
    "pillow",
    "pysodmetrics",
    "adbutils",
)
"""Packages whose version can change a figure."""

KINDS = {
    "ablation": 1,
    "accuracy": 1,
    "agreement": 1,
    "android": 1,
    "board": 1,
    "cost": 1,
    "counts": 1,
    "demo": 1,
    "instructions": 1,
    "latency": 1,
    "long_run": 1,
    "profile": 1,
    "ptq_options": 1,
    "sensitivity": 1,
    "stages": 1,
    "start": 1,
    "steadiness": 1,
    "tflite_engines": 1,
    "throughput": 1,
}
"""Kinds of results with the version of their format; a reader knows no other version."""


def environment(threads: int | None = None) -> dict[str, Any]:
    """Describe the circumstances of a measurement, as plain JSON values.

    Args:
        threads: how many the measured code may use; None for the cores given to this process.
    """
    cores = processor.usable_cores()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := installed_version(name))},
        "cpu": processor.name(),
        "cpu_features": list(processor.features()),
        "cores": cores,
        "threads": threads or cores,
    }


def write_result(
    path: str | Path,
    kind: str,
    figures: Mapping[str, Any],
    *,
    measured: Mapping[str, str] | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> None:
    """Write figures with what they are, how they came to be and what they were measured on.

    Args:
        path: of the result file; written whole or not at all.
        kind: a key of ``KINDS``.
        figures: plain JSON values, as the kind's dataclass in :mod:`benchmarks.results.schema`
            has them; an ``environment`` among them takes the place of this moment's.
        measured: SHA-256 of the files that were measured, by name; a result whose files have
            changed since is stale.
        threads: as for :func:`environment`.
        overwrite: replace a file that exists.

    Raises:
        InputError: if the file exists and may not be overwritten, or cannot be written.
    """
    head = {
        "kind": kind,
        "version": KINDS[kind],
        "command": command_line(),
        "measured": dict(measured or {}),
    }
    where = {} if "environment" in figures else {"environment": environment(threads)}
    write_json(path, {**head, **where, **figures}, overwrite=overwrite)


def write_json(path: str | Path, values: Mapping[str, Any], *, overwrite: bool = False) -> None:
    """Write JSON, whole or not at all.

    Raises:
        InputError: if the file exists and may not be overwritten, or cannot be written.
    """
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def command_line() -> str:
    """Tell the command that this process was started by, as one types it."""
    started = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    name = Path(sys.argv[0]).name
    words = ["python", *started[-2:]] if started[-2:-1] == ["-m"] else [name]
    return shlex.join([*words, *sys.argv[1:]])
