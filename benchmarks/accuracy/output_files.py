"""Files that a comparison of accuracy writes: tables, changes of photos, pictures, the result."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.paired import BOOTSTRAP
from benchmarks.accuracy.runner import Result
from benchmarks.accuracy.score_table import Line, csv_text, latex, table
from benchmarks.results.accuracy_kinds import PairedScores
from benchmarks.shared.tables import Table, signed
from common.files import replacing
from common.images.photos import Bytes, write_image
from common.result_file import write_result
from edge_apps.manifest import hashes
from samnet.evaluation.metrics import PROTOCOL
from samnet.evaluation.score_row import ScoreRow, score_row


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
    comparisons: Sequence[PairedScores]
    settings: Mapping[str, Any]


def targets(folder: Path, pairs: Sequence[tuple[str, str]]) -> list[Path]:
    """Name the files to be written; ``pairs`` are the compared ones by data set and name."""
    names = [f"accuracy.{suffix}" for suffix in ("md", "tex", "csv")]
    names += [f"{_stem(*pair)}.{suffix}" for pair in pairs for suffix in ("csv", "png")]
    return [folder / name for name in names]


def write(folder: Path, outcome: Outcome) -> None:
    """Write the tables and the changes of single photos; replace older ones.

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


def write_json(path: Path, outcome: Outcome, *, overwrite: bool) -> None:
    """Write the result file.

    Raises:
        InputError: if it exists and may not be overwritten, or cannot be written.
    """
    models = {it.entry.accuracy_model.path for it in outcome.results}
    result = {
        "protocol": PROTOCOL,
        "notes": list(outcome.notes),
        "rows": [_score_row(it, outcome.settings["size"]).to_dict() for it in outcome.results],
        "paired": [paired.to_dict() for paired in outcome.comparisons],
        **outcome.settings,
    }
    measured = hashes(*sorted(path for path in models if path.is_file()))
    write_result(path, "accuracy", result, measured=measured, overwrite=overwrite)


def write_sheet(folder: Path, paired: PairedScores, sheet: Bytes) -> None:
    """Write the picture of the worst photos of a comparison; replace an older one."""
    write_image(folder / f"{_stem(paired.data, paired.name)}.png", sheet, overwrite=True)


def heading(paired: PairedScores) -> str:
    """Say what a table of changes is of."""
    return (
        f"{paired.name} against {paired.reference} on {paired.count} photos of {paired.data}: the "
        f"error of {paired.worse} grew"
    )


def change_table(paired: PairedScores) -> Table:
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


def _photo_changes(paired: PairedScores) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["photo", "MAE_before", "MAE_after", "change"])
    for it in paired.photos:
        writer.writerow([it.stem, it.before, it.after, it.change])
    return buffer.getvalue()


def _score_row(result: Result, asked: int | None) -> ScoreRow:
    entry, model = result.entry, result.entry.accuracy_model
    return score_row(
        result.scores,
        name=model.name,
        file=model.path.name,
        origin=model.file.origin,
        sha256=model.file.sha256,
        source_sha256=model.file.source_sha256,
        size=model.size(asked),
        last_step=model.last_step,
        data=entry.data.name,
        published_count=entry.data.published_count,
        of=len(entry.data.pairs),
        missing=entry.missing,
    )


def _stem(data: str, name: str) -> str:
    """Name the files of a comparison, without what a file's name may not hold."""
    return re.sub(r"[^\w.-]+", "_", f"changes_{data}_{name}")


def _write_text(path: Path, text: str) -> None:
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
