"""The table of docs/convert.md: the two engines of ``.tflite`` files side by side."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.speed_kinds import EngineFile, EngineProtocol, TfliteEngines
from benchmarks.shared.tables import MISSING, Table, number

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


def engines(result: TfliteEngines) -> str:
    """Show both engines side by side, with what was measured and how."""
    return engines_table(result.files, result.protocol, result.environment.machine).markdown()


def engines_table(files: Sequence[EngineFile], protocol: EngineProtocol, machine: str) -> Table:
    """Tabulate a row a file; why some are missing and how all was measured stand below."""
    notes = [f"`{row.file}`: {row.failure}" for row in files if row.failure]
    notes.append(protocol.text)
    if protocol.latency:
        notes.append(f"ms: median. {protocol.latency} On {machine}.")
    return Table(HEAD, tuple(_cells(row) for row in files), tuple(notes))


def _cells(row: EngineFile) -> tuple[str, ...]:
    name = (row.network, str(row.size), row.precision, row.engine)
    if row.failure:
        return (*name, "failed", *[MISSING] * (len(HEAD) - len(name) - 1))
    parity, took, accuracy = row.parity, row.delegation, row.accuracy
    return (
        *name,
        number(row.megabytes, ".2f"),
        f"{parity['mean']:.3f}" if parity else MISSING,
        str(parity["max"]) if parity else MISSING,
        f"{accuracy.max_F:.4f}" if accuracy else MISSING,
        f"{accuracy.MAE:.4f}" if accuracy else MISSING,
        str(took["inside"]) if took else MISSING,
        str(sum(took["outside"].values())) if took else MISSING,
        f"{row.latency_ms.median:.2f}" if row.latency_ms else MISSING,
    )
