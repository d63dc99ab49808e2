"""``samnet bench results [--only NAMES] [--list]``: measures results anew.

``make results ONLY=latency,counts`` calls it. Results are files in ``results/``; the table of all
of them is :data:`benchmarks.results.suite.SUITE`.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from typing import Annotated

from benchmarks.results import renew
from benchmarks.results.suite import Entry, chosen
from common.arguments import Argument
from common.command import Command

FAILED = 1
"""Exit status where a result could not be renewed although all that it needs is there."""


@dataclasses.dataclass
class Options:
    """What to renew."""

    only: str = ""
    """Names or kinds of results, divided by commas; all by default."""
    stale: bool = False
    """Renew those alone that are missing, or of files that are no longer shipped."""
    busy: bool = False
    """Measure times on a machine that has other work, too."""
    show: Annotated[bool, Argument(option="list")] = False
    """Print the table of all results and renew nothing."""


def main(options: Options) -> None:
    """Renew results, or list them.

    Raises:
        InputError: for wrong input.
        SystemExit: with status 1 if one could not be renewed.
    """
    entries = chosen([name for name in options.only.split(",") if name])
    if options.stale:
        entries = [entry for entry in entries if renew.state_of(entry) != "current"]
    if options.show:
        print(table(entries))
        return
    outcomes = []
    for number, entry in enumerate(entries, 1):
        print(f"[{number}/{len(entries)}] {entry.name}, about {entry.minutes:g} min …", flush=True)
        began = time.monotonic()
        outcomes.append(renew.renew(entry, busy=options.busy))
        print(renew.report(outcomes[-1], time.monotonic() - began), flush=True)
    counts = {state: sum(it.state == state for it in outcomes) for state in FINAL}
    print(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    if counts["renewed"]:
        print("samnet docs writes them into the pages")
    if counts["failed"]:
        names = ", ".join(it.entry.name for it in outcomes if it.state == "failed")
        print(f"not renewed: {names}", file=sys.stderr)
        raise SystemExit(FAILED)


FINAL: tuple[renew.State, ...] = ("renewed", "skipped", "failed")


def table(entries: Sequence[Entry]) -> str:
    """List all results with when they were measured, and whether what they are of has changed."""
    rows = [("result", "kind", "minutes", "needs", "measured", "state")]
    rows += [
        (
            *(it.name, it.kind, f"{it.minutes:g}", ", ".join(it.needs) or "–"),
            *(renew.date_of(it) or "–", renew.state_of(it)),
        )
        for it in entries
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


COMMAND = Command.of(
    Options, main, "Measures this project's results anew, or lists them with what became stale."
)
