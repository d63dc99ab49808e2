"""Latencies as tables: on a terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.speed_kinds import Latency, LatencyRow
from benchmarks.shared import tables

BUSY = 0.05
"""Share of a run spent waiting for a core above which times say more about the machine."""

HEAD = (
    "network",
    "form",
    "px",
    "threads",
    "median, ms",
    "minimum",
    "p90",
    "cold start, ms",
    "memory, MB",
    "file, MB",
    "M madds",
)


def print_table(rows: Sequence[LatencyRow]) -> None:
    """Print all rows, then why some have no times and what to know of others."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    table = Table(*HEAD[:2], box=None, pad_edge=False)
    for head in HEAD[2:]:
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    for line in remarks(rows):
        console.print(line, highlight=False, markup=False)


def cells(row: LatencyRow) -> list[str]:
    """Format a row as text, in the order of ``HEAD``."""
    size: object = row.size
    if isinstance(row.size, Sequence):
        size = row.size[0] if len(set(row.size)) == 1 else "×".join(map(str, row.size))
    start = [row.network, row.label, str(size or "–"), str(row.threads)]
    weight = [
        f"{row.megabytes:.2f}" if row.megabytes else "–",
        f"{row.multiply_adds / 1e6:.0f}" if row.multiply_adds else "–",
    ]
    if row.latency_ms is None:
        return [*start, "failed", *["–"] * 4, *weight]
    times = (row.latency_ms.median, row.latency_ms.minimum, row.latency_ms.p90)
    peak = f"{row.peak_MB:.0f} ({row.process_MB:.0f})" if row.peak_MB else "–"
    return [
        *start,
        *(tables.number(time, ".2f") for time in times),
        tables.number(row.cold_start_ms, ".0f"),
        peak,
        *weight,
    ]


def remarks(rows: Sequence[LatencyRow]) -> list[str]:
    """Write a line for each failure and for each network that a reader has to know more of."""
    about = dict.fromkeys((row.network, row.remark) for row in rows if row.remark)
    lines = [f"{network}: {remark}." for network, remark in about]
    return lines + [f"{row.network}, {row.label}: {row.failure}" for row in rows if row.failure]


def markdown(result: Latency) -> str:
    """Show the rows of a result, what to know of them and how they were taken."""
    table = tables.markdown(HEAD, map(cells, result.rows), words=2)
    notes = "\n".join(f"- {line}" for line in remarks(result.rows))
    where = result.environment
    versions = ", ".join(f"{name} {it}" for name, it in where.packages.items())
    on = f"On {where.machine}, {where.date[:10]}; {versions}."
    return "\n\n".join(part for part in (table, notes, result.protocol.text, on) if part)


def protocol(
    threads: Sequence[int], repetitions: int, warm_up: int, rows: Sequence[LatencyRow]
) -> str:
    """Describe how the times were taken, and whether the machine had other work."""
    waited = max((row.waited for row in rows if not row.failure), default=0.0)
    text = (
        "Batch 1, from a photo's bytes at the network's size to its map. Each row has a process "
        f"of its own, pinned to as many cores as it has threads ({', '.join(map(str, threads))}). "
        f"They run in turn while all others are stopped: {warm_up} rounds that do not count, then "
        f"{repetitions} rounds of an untimed and a timed inference each. Cold start: from opening "
        "the file, its runtime imported, to the first map. Memory: the highest resident above "
        "that after imports, in brackets of the whole process. File: what the engine opens. "
        f"A process waited for its core {waited:.0%} of the time at most."
    )
    if waited > BUSY:
        text += " The machine was busy: trust the minimum, not the median."
    return text
