"""``samnet data check --data NAME=DIR``: reports what is wrong with a data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated

from common.arguments import REPEATED
from common.command import Command
from common.errors import InputError
from common.images.photos import read_map, read_photo
from common.progress import progress
from samnet.data.layouts import DataSet, Pair, find_pairs
from samnet.data.mask_statistics import FOREGROUND, Finding, MaskLook, look_at, of_masks
from samnet.data.survey import of_orientation, size_fault

OF_SETS = ("no foreground", "all foreground")
"""Kinds of findings that make a set useless but none of its pairs."""


SAID = ("alpha channel", "class numbers")
"""Kinds that are told of a set at once, not mask by mask."""


def check(data: DataSet) -> list[Finding]:
    """Read every file of a data set and list what is wrong, with progress shown."""
    findings = []
    if data.published_count not in (None, len(data.pairs)):
        text = f"{len(data.pairs)} pairs, {data.published_count} were published"
        findings.append(Finding("count", text))
    for paths, partner in ((data.without_mask, "mask"), (data.without_photo, "photo")):
        findings += [Finding("missing partner", f"{p}: has no {partner}", True) for p in paths]
    looks: list[MaskLook] = []
    for pair in progress(data.pairs, len(data.pairs), f"checking {data.name}"):
        of_pair, look = check_pair(pair)
        findings += of_pair
        looks += [look] if look else []
    sound = [look.pair for look in looks]
    # Masks have been listed one by one; what they have in common comes first.
    common = [it for it in of_masks(data.name, looks) if it.fatal or it.kind in SAID]
    return [*common, *findings, *of_orientation(data.name, sound)]


def check_pair(pair: Pair) -> tuple[list[Finding], MaskLook | None]:
    """Say what is wrong with one pair, and what its mask shows if both can be used."""
    try:
        photo, mask, look = read_photo(pair.photo), read_map(pair.mask), look_at(pair)
    except InputError as error:
        return [Finding("unreadable", str(error), fatal=True)], None
    if fault := size_fault(pair, photo.shape[1::-1], mask.shape[::-1]):
        return [Finding("size mismatch", fault, fatal=True)], None
    return list(_of_values(look)), look


def _of_values(look: MaskLook) -> Iterator[Finding]:
    if not look.foreground:
        text = (
            f"{look.pair.mask}: no foreground, the highest value is {look.highest:g} of "
            f"{look.white:g} ({look.values}), expected over {FOREGROUND} of 255"
        )
        yield Finding("no foreground", text)
    elif look.foreground == 1:
        yield Finding("all foreground", f"{look.pair.mask}: nothing but foreground")
    elif look.count > 2:
        text = f"{look.pair.mask}: {look.count} gray values, expected 2"
        yield Finding("not two-valued", f"{text}; foreground is above {FOREGROUND}")


@dataclasses.dataclass(frozen=True)
class Options:
    """What to check."""

    data: Annotated[tuple[str, ...], REPEATED]
    """Data set as NAME=DIR, NAME=PHOTOS:MASKS or NAME=LIST; may be repeated."""

    show: int = 5
    """Findings of one kind to list."""


def main(options: Options) -> None:
    """Print what is wrong with each data set.

    Raises:
        InputError: if a pair or the masks of a set cannot be used.
    """
    if not options.data:
        raise InputError("no data set given; expected --data NAME=DIR")
    unusable, useless = 0, list[str]()
    for data in [find_pairs(spec) for spec in options.data]:
        findings = check(data)
        useless += [it.text for it in findings if it.fatal and it.kind in OF_SETS]
        unusable += sum(it.fatal and it.kind not in OF_SETS for it in findings)
        print(f"{data.name}: {len(data.pairs)} pairs, findings: {len(findings)}")
        for kind in dict.fromkeys(it.kind for it in findings):
            of_kind = [it for it in findings if it.kind == kind]
            print(f"  {kind}: {len(of_kind)}")
            for it in of_kind[: options.show]:
                print(f"    {it.text}")
            if len(of_kind) > options.show:
                print(f"    and {len(of_kind) - options.show} more")
    if useless:
        raise InputError("; ".join(useless))
    if unusable:
        raise InputError(f"{unusable} files or pairs cannot be used; mend or remove them")


COMMAND = Command.of(Options, main, "Checks data sets before training.")

if __name__ == "__main__":
    COMMAND.run()
