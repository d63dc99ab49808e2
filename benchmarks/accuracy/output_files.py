"""Files that a comparison of accuracy writes: tables, changes of photos, pictures, the result."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.models import AccuracyModel
from benchmarks.accuracy.paired import BOOTSTRAP, Paired
from benchmarks.accuracy.runner import Result
from benchmarks.accuracy.score_table import Line, csv_text, latex, table
from benchmarks.shared.tables import Table, signed
from common.files import replacing
from common.images.photos import Bytes, write_image
from common.result_file import write_result


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What was found.

    Args:
        lines: of the table of scores.
        sets: names of the data sets.
        notes: sentences for under the table.
        results: of every entry.
        comparisons: int8 against fp32.
        settings: how it was measured, as plain JSON values.
    """

    lines: Sequence[Line]
    sets: Sequence[str]
    notes: Sequence[str]
    results: Sequence[Result]
    comparisons: Sequence[Paired]
    settings: Mapping[str, Any]


def targets(folder: Path, pairs: Sequence[tuple[str, str]]) -> list[Path]:
    """Name the files to be written; ``pairs`` are the compared ones by data set and name."""
    names = [f"accuracy.{suffix}" for suffix in ("json", "md", "tex", "csv")]
    names += [f"{_stem(*pair)}.{suffix}" for pair in pairs for suffix in ("csv", "png")]
    return [folder / name for name in names]


def write(folder: Path, outcome: Outcome) -> None:
    """Write the tables, the changes of single photos and the result file; replace older ones.

    Raises:
        InputError: if one cannot be written.
    """
    for paired in outcome.comparisons:
        _write_text(folder / f"{_stem(paired.data, paired.name)}.csv", _photo_changes(paired))
    lines, sets, notes = outcome.lines, outcome.sets, outcome.notes
    parts = [table(lines, sets, notes).markdown()]
    for paired in outcome.comparisons:
        parts += [f"{heading(paired)}.", change_table(paired).markdown()]
    if outcome.comparisons:
        parts.append(BOOTSTRAP)
    _write_text(folder / "accuracy.md", "\n\n".join(parts) + "\n")
    _write_text(folder / "accuracy.tex", latex(lines, sets, notes))
    _write_text(folder / "accuracy.csv", csv_text(lines, sets))
    rows = [
        {
            "name": it.entry.accuracy_model.name,
            "file": it.entry.accuracy_model.path.name,
            "kind": it.entry.accuracy_model.kind,
            "precision": it.entry.accuracy_model.precision,
            "sha256": it.entry.accuracy_model.sha256,
            "source_sha256": it.entry.accuracy_model.source_sha256,
            "size": _size(it.entry.accuracy_model, outcome.settings["size"]),
            "data": it.entry.data.name,
            "published_count": it.entry.data.published_count,
            "of": len(it.entry.data.pairs),
            "missing": list(it.entry.missing),
            **it.scores.to_dict(),
        }
        for it in outcome.results
    ]
    result = {
        "notes": list(notes),
        "bootstrap": BOOTSTRAP,
        "accuracy": rows,
        "paired": [paired.to_dict() for paired in outcome.comparisons],
        **outcome.settings,
    }
    # Last: where it stands, everything else does.
    write_result(folder / "accuracy.json", result, overwrite=True)


def write_sheet(folder: Path, paired: Paired, sheet: Bytes) -> None:
    """Write the picture of the worst photos of a comparison; replace an older one."""
    write_image(folder / f"{_stem(paired.data, paired.name)}.png", sheet, overwrite=True)


def heading(paired: Paired) -> str:
    """Say what a table of changes is of."""
    return (
        f"{paired.name} against {paired.reference} on {paired.count} photos of {paired.data}: the "
        f"error of {paired.worse} grew"
    )


def change_table(paired: Paired) -> Table:
    """Build the table of changes: a row a figure, with its bootstrap interval."""
    rows = tuple(
        (
            change.figure,
            f"{change.before:.4f}",
            f"{change.after:.4f}",
            signed(change.change),
            f"{signed(change.low)} to {signed(change.high)}",
        )
        for change in paired.changes
    )
    return Table(("", "before", "after", "change", "interval"), rows)


def _photo_changes(paired: Paired) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["photo", "MAE_before", "MAE_after", "change"])
    for it in paired.photos:
        writer.writerow([it.stem, it.before, it.after, it.change])
    return buffer.getvalue()


def _size(accuracy_model: AccuracyModel, asked: int | None) -> int | None:
    """Return pixels at which a model ran; None where its maps were ready, or it is not ours."""
    return (
        asked or accuracy_model.size if accuracy_model.kind == "checkpoint" else accuracy_model.size
    )


def _stem(data: str, name: str) -> str:
    """Name the files of a comparison, without what a file's name may not hold."""
    return re.sub(r"[^\w.-]+", "_", f"changes_{data}_{name}")


def _write_text(path: Path, text: str) -> None:
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
