"""Formats a comparison as a table."""

from __future__ import annotations

from collections.abc import Sequence

from edge_apps.compare.comparison import Row

HEAD = ("file", "where", "max", "mean", "≤1", "mean", "alike", "max F", "MAE", "ms")
GROUPS = ("", "", "same file, CPU", "", "", "reference", "", "masks", "", "")


def lines(rows: Sequence[Row]) -> list[str]:
    """Format the table, absent places with their reason, and what its columns mean."""
    table = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(HEAD))]
    told = [_line(cells, widths) for cells in table]
    told.insert(0, _grouped(widths))
    for number, row in enumerate(rows):
        if row.why:
            told[number + 2] = f"{_line(_names(row), widths[:2])}  {row.why}"
    return told


def legend(reference: str, photos: int) -> str:
    """Explain what the figures of the table are."""
    return (
        f"{photos} photos. Differences are in steps of 1/255: the largest, the mean, and the share "
        "of pixels within 1; «same file, CPU» is against the same file on this machine's CPU, "
        f"«reference» against {reference} there; alike: the share of pixels that both take for "
        "salient or both do not."
    )


def _names(row: Row) -> tuple[str, str]:
    return row.model, row.place


def _cells(row: Row) -> tuple[str, ...]:
    same, other, good = row.same_file, row.reference, row.accuracy
    return (
        *_names(row),
        str(same.max) if same else "–",
        f"{same.mean:.3f}" if same else "–",
        f"{same.within_1:.2%}" if same else "–",
        f"{other.mean:.3f}" if other else "–",
        f"{other.decided:.2%}" if other else "–",
        f"{good.max_F:.4f}" if good else "–",
        f"{good.MAE:.4f}" if good else "–",
        "–" if row.latency_ms is None else f"{row.latency_ms:.1f}",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    pairs = list(zip(cells, widths, strict=True))
    left = [cell.ljust(width) for cell, width in pairs[:2]]
    return "  ".join([*left, *(cell.rjust(width) for cell, width in pairs[2:])]).rstrip()


def _grouped(widths: Sequence[int]) -> str:
    """Build the line above the head: each group's name begins where its first column does."""
    line, start = "", 0
    for name, width in zip(GROUPS, widths, strict=True):
        if name:
            line = f"{line.ljust(start)} {name}" if len(line) >= start else line.ljust(start) + name
        start += width + 2
    return line
