"""``samnet bench regression OLD NEW``: names the figures that became worse.

Ends with status 1 if one is worse than its tolerance allows, or is missing; so it can guard a
continuous integration. Figures that depend on the machine are compared on the same one alone.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from benchmarks.regression.tolerances import KINDS, Figures, Kind, figures_of
from benchmarks.results.reader import read_result
from benchmarks.shared.tables import MISSING, Table
from common.arguments import POSITIONAL
from common.command import Command
from common.errors import InputError
from common.suggestions import suggestion

Verdict = Literal["same", "within", "better", "worse", "gone", "new"]

FAILING = ("worse", "gone")

REGRESSION = 1
"""Exit status where something became worse."""


@dataclasses.dataclass
class Options:
    """What to compare."""

    old: Annotated[Path, POSITIONAL]
    """Result file of the state to hold on to."""
    new: Annotated[Path, POSITIONAL]
    """Result file of the state to judge."""
    tolerance: tuple[str, ...] = ()
    """How much worse figures may be, as FIGURE=NUMBER or FIGURE=PERCENT%, such as max_F=0.01
    or bytes=2%."""
    all: bool = False
    """Show figures that stayed the same as well."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """A figure then and now.

    Args:
        subject: what it is of.
        figure: its name.
        old: None where it is new.
        new: None where it is gone.
        verdict: ``within`` means worse, but no more than tolerated.
    """

    subject: str
    figure: str
    old: float | None
    new: float | None
    verdict: Verdict


def judge(old: Figures, new: Figures, kinds: Mapping[str, Kind] = KINDS) -> list[Judged]:
    """Compare all figures, in the order of the old ones; new ones come last."""
    judged = []
    for (subject, figure), before in old.items():
        after = new.get((subject, figure))
        verdict = "gone" if after is None else _verdict(before, after, kinds[figure])
        judged.append(Judged(subject, figure, before, after, verdict))
    for (subject, figure), after in new.items():
        if (subject, figure) not in old:
            judged.append(Judged(subject, figure, None, after, "new"))
    return judged


def _verdict(old: float, new: float, kind: Kind) -> Verdict:
    if new == old:
        return "same"
    loss = old - new if kind.better == "higher" else new - old
    if loss < 0:
        return "better"
    # A tolerance is meant in decimal digits, which binary ones miss by a hair.
    return "within" if loss <= kind.allowed(old) * (1 + 1e-9) else "worse"


def with_tolerances(given: Sequence[str]) -> dict[str, Kind]:
    """Replace the tolerance of some kinds of figures.

    Raises:
        InputError: for an unknown figure, of which the nearest one is suggested, or no number.
    """
    kinds = dict(KINDS)
    for text in given:
        name, _, value = text.partition("=")
        if name not in kinds:
            hint = suggestion(name, kinds)
            raise InputError(f"--tolerance {text}: unknown figure {name!r}; {hint}")
        try:
            number = float(value.removesuffix("%"))
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise InputError(f"--tolerance {text}: expected FIGURE=NUMBER or FIGURE=PERCENT%")
        share = value.endswith("%")
        absolute, relative = (0.0, number / 100) if share else (number, 0.0)
        kinds[name] = dataclasses.replace(kinds[name], absolute=absolute, relative=relative)
    return kinds


def table(judged: Sequence[Judged]) -> Table:
    """Build the table, a row a figure."""
    rows = tuple((it.subject, it.figure, _text(it.old), _text(it.new), it.verdict) for it in judged)
    return Table(("", "figure", "old", "new", "verdict"), rows)


def main(options: Options) -> None:
    """Print what changed.

    Raises:
        InputError: for wrong input.
        SystemExit: with status 1 if something became worse.
    """
    kinds = with_tolerances(options.tolerance)
    results = [read_result(path) for path in (options.old, options.new)]
    old, new = map(figures_of, results)
    for path, figures in ((options.old, old), (options.new, new)):
        if not figures:
            raise InputError(f"{path}: holds no figure that can be compared")
    cpus = [result.environment.cpu for result in results]
    if cpus[0] != cpus[1] and any(KINDS[figure].machine for _, figure in (*old, *new)):
        print(f"Times and memory are not compared: {cpus[0]} then, {cpus[1]} now.")
        old, new = (
            {key: value for key, value in figures.items() if not KINDS[key[1]].machine}
            for figures in (old, new)
        )
    if not old.keys() & new.keys():
        raise InputError(
            f"{options.old} and {options.new} have no figure in common; compare two files of the "
            "same command, for times and memory of the same machine"
        )
    judged = judge(old, new, kinds)
    shown = [it for it in judged if options.all or it.verdict != "same"]
    if shown:
        table(shown).print()
    counts = {v: sum(it.verdict == v for it in judged) for v in ("better", "same", "within", "new")}
    failed = [it for it in judged if it.verdict in FAILING]
    said = ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)
    print(f"{len(failed)} worse or gone" + (f"; {said}" if said else ""))
    if failed:
        print(
            f"regression: {len(failed)} of {len(old)} figures; mend it, or renew {options.old} "
            "if it was meant",
            file=sys.stderr,
        )
        raise SystemExit(REGRESSION)


def _text(value: float | None) -> str:
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value == int(value) and abs(value) > 1 else f"{value:.5g}"


COMMAND = Command.of(Options, main, "Compares two result files; status 1 if a figure became worse.")

if __name__ == "__main__":
    COMMAND.run()
