"""Statistics of masks, and faults that all masks of a set share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from common.images.photos import read_map_file
from samnet.data.layouts import Pair

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
            ``all foreground``, ``not two-valued``, ``alpha channel``, ``class numbers``,
            ``orientation`` or ``count``.
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
        count: count of the values, as bytes.
        from_alpha: whether it is an alpha channel.
        numbered: whether it holds small values and 255, nothing between, as class numbers do with
            a border around objects.
    """

    pair: Pair
    foreground: float
    highest: float
    white: float
    values: str
    count: int
    from_alpha: bool
    numbered: bool


def look_at(pair: Pair) -> MaskLook:
    """Read a mask.

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
    small = counts[1:33].sum()
    numbered = bool(small > counts[224:].sum() / 2 > 0 and not counts[33:224].any())
    return MaskLook(
        pair, share, mask.highest, mask.white, values, len(found), mask.from_alpha, numbered
    )


def of_masks(name: str, looks: Sequence[MaskLook]) -> list[Finding]:
    """Find what the masks of a set have in common; fatal where nothing can be learned from them."""
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
    if numbered := [look for look in looks if look.numbered]:
        first = numbered[0]
        text = (
            f"{name}: {_part(numbered, looks)} small values beside 255 ({first.pair.mask}: "
            f"{first.values}); if these are class numbers, write what is salient as 255"
        )
        findings.append(Finding("class numbers", text))
    return findings


def _cure(look: MaskLook, *, fatal: bool) -> str:
    if look.highest == 1:
        return f"multiply them by {look.white:g}"
    if look.highest:
        return f"write what is salient as {look.white:g}"
    return "expected masks, with 255 for what is salient" if fatal else "fine if nothing is salient"


def _part(some: Sequence[MaskLook], looks: Sequence[MaskLook]) -> str:
    looked = " looked at" if len(looks) == SAMPLE else ""
    return f"{len(some)} of {len(looks)} masks{looked} {'have' if len(some) > 1 else 'has'}"
