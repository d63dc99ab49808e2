"""Tables that become Markdown, HTML or text on a terminal from the same cells."""

from __future__ import annotations

import dataclasses
import sys

PLAIN_WIDTH = 200
"""Characters of a line where the output is no terminal."""

MISSING = "–"
"""Stands where nothing was measured."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells of text under a head; the first column names the row.

    Args:
        head: titles of the columns.
        rows: each as long as the head.
        notes: sentences for below.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The table with its notes; names of files are set as code."""
        rule = ["---", *["---:"] * (len(self.head) - 1)]
        body = ([as_code(row[0]), *row[1:]] for row in self.rows)
        lines = [f"| {' | '.join(cells)} |" for cells in (self.head, rule, *body)]
        return "\n\n".join(["\n".join(lines), *self.notes])

    def print(self) -> None:
        """Prints the table on standard output, as wide as a terminal or, elsewhere, as needed."""
        from rich import box
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
        for index, title in enumerate(self.head):
            shown.add_column(Text(title), justify="right" if index else "left", no_wrap=index > 0)
        for row in self.rows:
            shown.add_row(*map(Text, row))
        width = None if sys.stdout.isatty() else PLAIN_WIDTH
        Console(file=sys.stdout, width=width).print(shown)


def number(value: float | None, form: str = ".3f") -> str:
    """A figure as text; a dash for None."""
    return MISSING if value is None else format(value, form)


def signed(value: float | None, form: str = "+.4f") -> str:
    """A change as text, with a true minus sign."""
    return number(value, form).replace("-", "−")


def as_code(name: str) -> str:
    """A name as Markdown code if it is that of a file."""
    return f"`{name}`" if "." in name and " " not in name else name
