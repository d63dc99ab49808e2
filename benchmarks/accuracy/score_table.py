"""Measured and published scores in one table, as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from typing import Literal

from benchmarks.results.published import SOURCE, Method
from benchmarks.shared.tables import MISSING, Table, number
from samnet.data.published import LAYOUTS
from samnet.evaluation.metrics import HEADLINES, Scores

PUBLISHED = f"Published rows: {SOURCE}, on all photos of each set; E was not published."
"""Stands under a table that has such rows."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A row's figures on one data set.

    Args:
        photos: that they stand on.
        of: photos in the data set as given.
        values: by the fields of ``Scores``; None where there is no figure.
    """

    photos: int | None
    of: int | None
    values: dict[str, float | None]

    @property
    def status(self) -> str:
        """How many photos the figures stand on, in words where not all."""
        if self.photos is None:
            return MISSING
        return str(self.photos) if self.photos == self.of else f"{self.photos} of {self.of}"


@dataclasses.dataclass(frozen=True)
class Line:
    """A row: a method with its cells by the name of the data set."""

    method: str
    source: Literal["published", "measured"]
    cells: dict[str, Cell]


def measured_cell(scores: Scores, of: int) -> Cell:
    """Build the cell of scores on a set of ``of`` photos."""
    return Cell(scores.count, of, {field: scores.values[field] for field in HEADLINES})


def published_lines(methods: Sequence[Method], sets: Sequence[str]) -> list[Line]:
    """Build the rows of the published methods that have a figure for one of the data sets."""
    lines = []
    for method in methods:
        cells = {}
        for name in sets:
            if (figures := method.scores.get(name)) is not None and figures.max_F is not None:
                count = LAYOUTS[name].count
                cells[name] = Cell(
                    count, count, {**dict.fromkeys(HEADLINES), **dataclasses.asdict(figures)}
                )
        if cells:
            lines.append(Line(method.name, "published", cells))
    return lines


def table(lines: Sequence[Line], sets: Sequence[str], notes: Sequence[str] = ()) -> Table:
    """Build the table of all data sets side by side, a row a method."""
    several = len(sets) > 1
    head = ["", *(f"{s} {name}" if several else name for s in sets for name in _titles())]
    rows = tuple((line.method, *(t for s in sets for t in _texts(line, s))) for line in lines)
    notes = [*notes]
    if any(line.source == "published" for line in lines):
        notes.append(PUBLISHED)
    if not several:
        notes.insert(0, f"Data set: {sets[0]}.")
    return Table(tuple(head), rows, tuple(notes))


def latex(lines: Sequence[Line], sets: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Write a tabular for the package booktabs, data sets side by side; the notes as comments."""
    each = len(_titles())
    groups = "".join(rf" & \multicolumn{{{each}}}{{c}}{{{_escaped(name)}}}" for name in sets)
    rules = "".join(
        rf"\cmidrule(lr){{{2 + k * each}-{1 + (k + 1) * each}}}" for k in range(len(sets))
    )
    text = [f"% {note}" for note in table(lines, sets, notes).notes]
    text += [rf"\begin{{tabular}}{{l{'r' * each * len(sets)}}}", r"\toprule"]
    text += [rf"Method{groups} \\", rules]
    text += [
        " & ".join(["", *(["photos", *(it.tex for it in HEADLINES.values())] * len(sets))]) + r" \\"
    ]
    source = None
    for line in lines:
        if line.source != source:
            text.append(r"\midrule")
        source = line.source
        cells = [t.replace(MISSING, "--") for s in sets for t in _texts(line, s)]
        text.append(" & ".join([_escaped(line.method), *cells]) + r" \\")
    return "\n".join([*text, r"\bottomrule", r"\end{tabular}", ""])


def csv_text(lines: Sequence[Line], sets: Sequence[str]) -> str:
    """Write a line a method and data set, figures unrounded; empty where there is none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["method", "source", "dataset", "photos", "of", *HEADLINES])
    for line in lines:
        for name in sets:
            if cell := line.cells.get(name):
                figures = [cell.values[field] for field in HEADLINES]
                row = [line.method, line.source, name, cell.photos, cell.of, *figures]
                writer.writerow(["" if value is None else value for value in row])
    return buffer.getvalue()


def _titles() -> list[str]:
    return ["photos", *(it.title for it in HEADLINES.values())]


def _texts(line: Line, name: str) -> list[str]:
    cell = line.cells.get(name)
    if cell is None:
        return [MISSING] * len(_titles())
    return [cell.status, *(number(cell.values[field]) for field in HEADLINES)]


def _escaped(text: str) -> str:
    return "".join("\\" + c if c in "&%$#_{}" else c for c in text)
