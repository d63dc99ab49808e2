"""``python -m samnet.data.check --data NAME=DIR``: finds what is wrong with a data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import tyro

from edge_apps.errors import InputError
from edge_apps.photos import read_map, read_photo
from samnet.command import run_command
from samnet.data.layouts import DataSet, Pair, find_pairs
from samnet.progress import progress


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something about a data set that one should know before training on it.

    Args:
        kind: ``missing partner``, ``unreadable``, ``size mismatch``, ``no foreground``,
            ``not two-valued`` or ``count``.
        text: one line for people.
        fatal: whether the pair cannot be used; the last two kinds leave it usable.
    """

    kind: str
    text: str
    fatal: bool = True


def check(data: DataSet) -> list[Problem]:
    """Reads every file of a data set and lists what is wrong, with progress shown."""
    problems = []
    if data.published_count not in (None, len(data.pairs)):
        text = f"{len(data.pairs)} pairs, {data.published_count} were published"
        problems.append(Problem("count", text, fatal=False))
    for paths, partner in ((data.without_mask, "mask"), (data.without_photo, "photo")):
        problems += [Problem("missing partner", f"{path}: has no {partner}") for path in paths]
    for pair in progress(data.pairs, len(data.pairs), f"checking {data.name}"):
        problems += check_pair(pair)
    return problems


def check_pair(pair: Pair) -> Iterator[Problem]:
    """What is wrong with one pair."""
    try:
        photo, mask = read_photo(pair.photo), read_map(pair.mask)
    except InputError as error:
        yield Problem("unreadable", str(error))
        return
    if photo.shape[:2] != mask.shape:
        text = (
            f"{pair.mask}: {mask.shape[1]}x{mask.shape[0]} pixels, expected "
            f"{photo.shape[1]}x{photo.shape[0]} as {pair.photo.name}"
        )
        yield Problem("size mismatch", text)
    values = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
    if values[-1] <= 128:
        text = f"{pair.mask}: no foreground, the highest value is {values[-1]}, expected over 128"
        yield Problem("no foreground", text)
    elif len(values) > 2:
        text = f"{pair.mask}: {len(values)} grey values, expected 2; foreground is above 128"
        yield Problem("not two-valued", text, fatal=False)


@dataclasses.dataclass(frozen=True)
class Options:
    """What to check."""

    data: Annotated[tuple[str, ...], tyro.conf.UseAppendAction]
    """NAME=DIR, as samnet.train and samnet.evaluate take it; may be repeated."""

    show: int = 5
    """How many findings of one kind to list."""


def main(options: Options) -> None:
    """Prints what is wrong with each data set.

    Raises:
        InputError: if a pair cannot be used.
    """
    if not options.data:
        raise InputError("no data set given; expected --data NAME=DIR")
    unusable = 0
    for data in [find_pairs(spec) for spec in options.data]:
        problems = check(data)
        unusable += sum(problem.fatal for problem in problems)
        print(f"{data.name}: {len(data.pairs)} pairs, findings: {len(problems)}")
        for kind in dict.fromkeys(problem.kind for problem in problems):
            of_kind = [problem for problem in problems if problem.kind == kind]
            print(f"  {kind}: {len(of_kind)}")
            for problem in of_kind[: options.show]:
                print(f"    {problem.text}")
            if len(of_kind) > options.show:
                print(f"    and {len(of_kind) - options.show} more")
    if unusable:
        raise InputError(f"{unusable} files or pairs cannot be used; mend or remove them")


if __name__ == "__main__":
    run_command(Options, main, "Checks data sets before training.")
