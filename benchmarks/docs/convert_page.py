"""The table of docs/convert.md: the two engines of ``.tflite`` files side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.shared.tables import MISSING, Table

Results = Mapping[str, Mapping[str, Any]]

HEAD = (
    "network",
    "px",
    "precision",
    "engine",
    "MB",
    "mean",
    "max",
    "max F",
    "MAE",
    "in",
    "out",
    "ms",
)


def engines(results: Results) -> str:
    """Tabulate ``results/tflite_engines.json``, with what it shows and how it was measured."""
    result = results.get("tflite_engines")
    return engines_table(result).markdown() if result else ""


def engines_table(result: Mapping[str, Any]) -> Table:
    """Tabulate a row a file; why some are missing and how all was measured stand below."""
    protocol = result["protocol"]
    rows = tuple(_cells(row) for row in result["files"])
    failures = [f"`{row['file']}`: {row['failure']}" for row in result["files"] if row["failure"]]
    notes = [*failures, protocol["text"]]
    if protocol["latency"]:
        machine = result["environment"]
        notes.append(f"ms: median. {protocol['latency']} On {machine['cpu']}.")
    return Table(HEAD, rows, tuple(notes))


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    name = (row["network"], str(row["size"]), row["precision"], row["engine"])
    if row["failure"]:
        return (*name, "failed", *[MISSING] * (len(HEAD) - len(name) - 1))
    parity, took, accuracy = row["parity"], row["delegation"], row["accuracy"]
    times = row["latency_ms"]
    return (
        *name,
        f"{row['megabytes']:.2f}",
        f"{parity['mean']:.3f}" if parity else MISSING,
        str(parity["max"]) if parity else MISSING,
        f"{accuracy['max_F']:.4f}" if accuracy else MISSING,
        f"{accuracy['MAE']:.4f}" if accuracy else MISSING,
        str(took["inside"]) if took else MISSING,
        str(sum(took["outside"].values())) if took else MISSING,
        f"{times['median']:.2f}" if times else MISSING,
    )
