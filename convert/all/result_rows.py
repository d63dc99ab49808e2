"""Rows of ``samnet convert all``: the outcome of each form, as a table and as plain values."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from typing import Any

from convert.artifact.write import Converted
from convert.contract.forms import Form

WIDTH = 160
"""Of the table in characters, also where the output is no terminal."""

LEGEND = """\
LSB: largest and mean difference of maps in steps of 1/255, of int8 and int16x8 made from a .pt2 to
     that program, of the others to the network in torch
outside: operations that are not on the runtime's fast path; fast path: its share of multiply-adds
s: seconds of conversion, checks included"""


@dataclasses.dataclass(frozen=True)
class Row:
    """One form of one network.

    Args:
        file: name of the artifact.
        form: what it is; None for a program that other rows are made from.
        seconds: that it took, with what only later rows share.
        megabytes: of the file; 0 where there is none.
        done: the artifact; None for a program and for a failure.
        failure: why there is none; empty where there is one.
    """

    file: str
    form: Form | None
    seconds: float
    megabytes: float = 0.0
    done: Converted | None = None
    failure: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        values: dict[str, Any] = {
            "file": self.file,
            "form": self.form and dataclasses.asdict(self.form),
            "seconds": round(self.seconds, 1),
            "megabytes": round(self.megabytes, 3),
            "failure": self.failure,
        }
        if self.done is not None:
            manifest = self.done.manifest
            values["sha256"] = manifest.sha256
            values["parity"] = manifest.parity
            values["delegation"] = dataclasses.asdict(manifest.delegation)
            values["accuracy"] = manifest.accuracy
        return values


def table(rows: Sequence[Row]) -> str:
    """Format all rows as aligned text, what the columns mean and the reasons of failures below."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD)
    for name in ("file", "engine"):
        made.add_column(name, no_wrap=True)
    for name in ("MB", "max LSB", "mean LSB", "outside", "fast path", "max F", "MAE", "s"):
        made.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        made.add_row(*_cells(row))
    stream = io.StringIO()
    Console(file=stream, width=WIDTH, color_system=None).print(made)
    lines = [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]
    lines.append(LEGEND)
    failed = [f"{row.file}: {row.failure}" for row in rows if row.failure]
    if failed:
        lines += [f"{len(failed)} of {len(rows)} rows failed", *failed]
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    engine = row.form.engine if row.form else "ptq"
    size = f"{row.megabytes:.2f}" if row.megabytes else "–"
    seconds = f"{row.seconds:.0f}"
    if row.done is None:
        return [row.file, engine, "failed" if row.failure else size, *["–"] * 6, seconds]
    took, accuracy = row.done.manifest.delegation, row.done.accuracy
    return [
        *(row.file, engine, size, str(row.done.parity.max), f"{row.done.parity.mean:.3f}"),
        str(sum(took.outside.values())),
        "–" if took.share is None else f"{took.share:.1%}",
        f"{accuracy.max_F:.4f}" if accuracy else "–",
        f"{accuracy.MAE:.4f}" if accuracy else "–",
        seconds,
    ]
