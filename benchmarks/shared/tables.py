"""Tables that print as Markdown, HTML or terminal text from the same cells."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Sequence

PLAIN_WIDTH = 200
"""Characters of a line where the output is no terminal."""

WORDS = 18
"""Characters of the longest figure; whatever is longer is text."""

DENSE = 5
"""Columns of figures that fit a phone beside a name."""

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

    @property
    def words(self) -> tuple[bool, ...]:
        """Which columns hold text, which may be broken into lines, and no figures."""
        columns = zip(self.head, *self.rows, strict=True)
        return tuple(any(len(text) > WORDS or "`" in text for text in texts) for texts in columns)

    @property
    def dense(self) -> bool:
        """Whether it is narrow enough to stay a table on a phone."""
        return len(self.head) <= DENSE and not any(self.words[1:])

    def without_empty(self) -> Table:
        """Drop the columns in which nothing was measured."""
        kept = [
            index
            for index in range(len(self.head))
            if index == 0 or any(row[index] != MISSING for row in self.rows)
        ]
        rows = tuple(tuple(row[index] for index in kept) for row in self.rows)
        return Table(tuple(self.head[index] for index in kept), rows, self.notes)

    def markdown(self) -> str:
        """Format the table with its notes; names of files are set as code."""
        rule = ["---", *("---" if words else "---:" for words in self.words[1:])]
        body = ([as_code(row[0]), *row[1:]] for row in self.rows)
        lines = [f"| {' | '.join(cells)} |" for cells in (self.head, rule, *body)]
        return "\n\n".join(["\n".join(lines), *self.notes])

    def print(self) -> None:
        """Print the table on standard output, as wide as a terminal or, elsewhere, as needed."""
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


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """Format cells as Markdown.

    Args:
        head: titles of the columns.
        rows: each as long as the head.
        words: columns from the left that hold text; the others hold figures, set to the right.
    """
    rule = [*["---"] * words, *["---:"] * (len(head) - words)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def number(value: float | None, form: str = ".3f") -> str:
    """Format a figure as text; a dash for None."""
    return MISSING if value is None else format(value, form)


def signed(value: float | None, form: str = "+.4f") -> str:
    """Format a change as text, with a true minus sign."""
    text = number(value, form)
    if value is not None and float(text) == 0:
        return text.lstrip("+-")
    return text.replace("-", "−")


def as_code(name: str) -> str:
    """Format a name as Markdown code if it is that of a file."""
    return f"`{name}`" if "." in name and " " not in name else name
