"""What is wrong with a data set: one look and one wording for every command that uses it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from edge_apps.decoding import orientation_of, picture_size
from edge_apps.errors import InputError
from edge_apps.notice import notice
from edge_apps.photo_files import listed
from edge_apps.photos import read_map_file
from samnet.data.layouts import DataSet, Pair, find_pairs
from samnet.data.orientation import unturned

FOREGROUND = 128
"""A mask's pixel above this is salient."""

SAMPLE = 256
"""Pairs of a larger set that are looked at before it is used."""

HARDLY = 1e-4
"""A smaller share of foreground, over all masks of a set, is none worth the name."""

_VALUES = 6
"""Values of a mask that a line names."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something about a data set that one should know before using it.

    Args:
        kind: ``missing partner``, ``unreadable``, ``size mismatch``, ``no foreground``,
            ``all foreground``, ``not two-valued``, ``alpha channel``, ``orientation`` or
            ``count``.
        text: one line for people.
        fatal: whether the pair, or the set, cannot be used.
    """

    kind: str
    text: str
    fatal: bool = False


@dataclasses.dataclass(frozen=True)
class MaskLook:
    """What a mask shows.

    Args:
        pair: whose.
        foreground: share of pixels above ``FOREGROUND``.
        highest: the highest value in the file.
        white: what would be white in the file.
        values: all values in words, or the range of many.
        count: of the values, as bytes.
        from_alpha: whether it is an alpha channel.
    """

    pair: Pair
    foreground: float
    highest: float
    white: float
    values: str
    count: int
    from_alpha: bool


def open_data(spec: str | Path, limit: int | None = None) -> DataSet:
    """Finds a data set and looks it over, as every command does that uses one.

    What does not hinder its use is said on standard error, by the first of several processes.

    Args:
        spec: as for :func:`samnet.data.layouts.find_pairs`.
        limit: keep the first so many pairs.

    Raises:
        InputError: if it is not there or cannot be used; see :func:`look_over`.
    """
    found = find_pairs(spec)
    data = dataclasses.replace(found, pairs=found.pairs[:limit])
    for finding in look_over(data):
        if os.environ.get("RANK", "0") == "0":  # as torchrun sets it
            notice(finding.text)
    return data


def look_over(data: DataSet) -> list[Finding]:
    """Looks at up to ``SAMPLE`` pairs, evenly spread, and the names of all.

    Raises:
        InputError: if one cannot be read, sizes of a pair differ, or the masks of the set hold
            no, hardly any or nothing but foreground.
    """
    places = np.linspace(0, len(data.pairs) - 1, min(SAMPLE, len(data.pairs)))
    pairs = [data.pairs[round(place)] for place in places]
    looks = []
    for pair in pairs:
        looks.append(look_at(pair))
        if fault := size_fault(pair, picture_size(pair.photo), picture_size(pair.mask)):
            raise InputError(fault)
    findings = [*partners(data), *of_masks(data.name, looks), *of_orientation(data.name, pairs)]
    for finding in findings:
        if finding.fatal:
            raise InputError(finding.text)
    return findings


def look_at(pair: Pair) -> MaskLook:
    """Reads a mask.

    Raises:
        InputError: if it cannot be read.
    """
    mask = read_map_file(pair.mask)
    counts = np.bincount(mask.values.ravel(), minlength=256)
    found = np.flatnonzero(counts)
    if mask.white != 255:
        values = f"values up to {mask.highest:g} of {mask.white:g}"
    elif len(found) > _VALUES:
        values = f"values from {found[0]} to {found[-1]}"
    else:
        values = f"value{'s'[: len(found) != 1]} {', '.join(map(str, found))}"
    share = float(counts[FOREGROUND + 1 :].sum() / counts.sum())
    return MaskLook(pair, share, mask.highest, mask.white, values, len(found), mask.from_alpha)


def partners(data: DataSet) -> list[Finding]:
    """Photos without a mask and masks without a photo, a line each kind."""
    findings = []
    for paths, kind, partner in (
        (data.without_mask, "photo", "mask"),
        (data.without_photo, "mask", "photo"),
    ):
        if paths:
            names = listed([path.name for path in paths])
            count = f"{len(paths)} {kind}{'s have' if len(paths) > 1 else ' has'}"
            text = f"{data.name}: {count} no {partner} and {_are(paths)} left out: {names}"
            findings.append(Finding("missing partner", text))
    return findings


def of_masks(name: str, looks: Sequence[MaskLook]) -> list[Finding]:
    """What the masks of a set have in common; fatal where nothing can be learned from them."""
    findings = []
    empty = [look for look in looks if not look.foreground]
    full = [look for look in looks if look.foreground == 1]
    share = sum(look.foreground for look in looks) / max(1, len(looks))
    most = 2 * len(empty) > len(looks)
    hardly = 0 < share < HARDLY
    if most or (empty and not hardly):
        first = max(empty, key=lambda look: look.highest)
        text = (
            f"{name}: {_part(empty, looks)} no foreground, which is above {FOREGROUND} of 255 "
            f"({first.pair.mask}: {first.values}); {_cure(first, fatal=most)}"
        )
        findings.append(Finding("no foreground", text, most))
    elif hardly:
        text = (
            f"{name}: its masks have hardly any foreground, {share:.2g} of their pixels are above "
            f"{FOREGROUND} of 255 ({looks[0].pair.mask}: {looks[0].values}); write what is salient "
            "as 255"
        )
        findings.append(Finding("no foreground", text, fatal=True))
    if full:
        fatal = 2 * len(full) > len(looks)
        text = (
            f"{name}: {_part(full, looks)} nothing but foreground, which is above {FOREGROUND} of "
            f"255 ({full[0].pair.mask}: {full[0].values}); "
        ) + (
            "expected masks, with 0 for the background" if fatal else "fine if the object fills it"
        )
        findings.append(Finding("all foreground", text, fatal))
    if alpha := [look for look in looks if look.from_alpha]:
        text = f"{name}: {_part(alpha, looks)} an alpha channel, which is read as the mask"
        findings.append(Finding("alpha channel", text))
    return findings


def of_orientation(name: str, pairs: Sequence[Pair]) -> list[Finding]:
    """Whether masks were drawn on photos before EXIF turned them."""
    better, looked = unturned(pairs)
    if not better or 3 * better < 2 * looked:
        return []
    text = (
        f"{name}: {better} of {looked} photos that EXIF turns fit their masks better unturned; if "
        "the masks were drawn on the raw pixels, remove the photos' EXIF orientation "
        "(exiftool -Orientation= FILE)"
    )
    return [Finding("orientation", text)]


def size_fault(pair: Pair, photo_size: tuple[int, int], mask_size: tuple[int, int]) -> str | None:
    """Why two sizes (width, height) do not go together; None if they do."""
    if photo_size == mask_size:
        return None
    text = (
        f"{pair.mask}: mask of {mask_size[0]}x{mask_size[1]} pixels, expected "
        f"{photo_size[0]}x{photo_size[1]} as {pair.photo.name}"
    )
    if mask_size == photo_size[::-1] and orientation_of(pair.photo) >= 5:
        return (
            f"{text}, which EXIF turns; if the mask was drawn on the raw pixels, remove the "
            "photo's EXIF orientation (exiftool -Orientation= FILE)"
        )
    return f"{text}; resize the mask, or remove the pair"


def _cure(look: MaskLook, *, fatal: bool) -> str:
    if look.highest == 1:
        return f"multiply them by {look.white:g}"
    if look.highest:
        return f"write what is salient as {look.white:g}"
    return "expected masks, with 255 for what is salient" if fatal else "fine if nothing is salient"


def _part(some: Sequence[MaskLook], looks: Sequence[MaskLook]) -> str:
    looked = " looked at" if len(looks) == SAMPLE else ""
    return f"{len(some)} of {len(looks)} masks{looked} {'have' if len(some) > 1 else 'has'}"


def _are(paths: Iterable[Path]) -> str:
    return "are" if len(list(paths)) > 1 else "is"
