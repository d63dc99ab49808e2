"""Checks a data set before it is used, with the same messages in every command."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from common.errors import InputError
from common.images.decoding import orientation_of, picture_size
from common.images.photo_files import listed
from common.input_notice import notice
from samnet.data.layouts import DataSet, Pair, find_pairs
from samnet.data.mask_statistics import SAMPLE, Finding, look_at, of_masks
from samnet.data.orientation import unturned


def open_data(spec: str | Path, limit: int | None = None) -> DataSet:
    """Find a data set and look it over, as every command does that uses one.

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
    """Look at up to ``SAMPLE`` pairs, evenly spread, and the names of all.

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


def partners(data: DataSet) -> list[Finding]:
    """List photos without a mask and masks without a photo, a line each kind."""
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


def of_orientation(name: str, pairs: Sequence[Pair]) -> list[Finding]:
    """Tell whether masks were drawn on photos before EXIF turned them."""
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
    """Say why two sizes (width, height) do not go together; None if they do."""
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


def _are(paths: Iterable[Path]) -> str:
    return "are" if len(list(paths)) > 1 else "is"
