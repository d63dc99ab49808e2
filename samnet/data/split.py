"""Splits pairs into training and validation."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from common.errors import InputError
from common.files import sha256
from samnet.data.layouts import Pair

IN_TEST_SET = frozenset({"ILSVRC2014_train_00019441"})
"""Stems of DUTS-TR that stand in DUTS-TE as well."""


def holdout(
    pairs: Sequence[Pair], count: int = 500, seed: int = 0
) -> tuple[list[Pair], list[Pair]]:
    """Divide pairs into those for training and those for validation.

    Left out of both: pairs that stand in a test set, and photos that repeat an earlier one byte
    for byte, since a repeat could end up on the other side.

    Args:
        pairs: a training set.
        count: how many to hold out.
        seed: the same seed and pairs give the same division, whatever their order.

    Returns:
        The pairs for training and those for validation, each sorted by stem.

    Raises:
        InputError: if fewer than ``count`` + 1 pairs remain.
    """
    usable = [pair for pair in without_repeats(pairs) if pair.stem not in IN_TEST_SET]
    if len(usable) <= count:
        raise InputError(
            f"{len(usable)} usable pairs, expected more than the {count} to hold out; "
            "hold out fewer"
        )
    validation = set(random.Random(seed).sample([pair.stem for pair in usable], count))
    return (
        [pair for pair in usable if pair.stem not in validation],
        [pair for pair in usable if pair.stem in validation],
    )


def without_repeats(pairs: Sequence[Pair]) -> list[Pair]:
    """Sort the pairs by stem, of byte-identical photos only the first.

    Raises:
        InputError: if a photo is missing.
    """
    ordered = sorted(pairs, key=lambda pair: pair.stem)
    by_size: defaultdict[int, list[Path]] = defaultdict(list)
    for pair in ordered:
        try:
            by_size[pair.photo.stat().st_size].append(pair.photo)
        except OSError as error:
            raise InputError(f"{pair.photo}: cannot be read ({error.strerror})") from error
    # Only files of equal length can be equal, so few have to be read.
    repeats: set[Path] = set()
    for photos in by_size.values():
        seen: set[str] = set()
        for photo in photos if len(photos) > 1 else ():
            digest = sha256(photo)
            if digest in seen:
                repeats.add(photo)
            seen.add(digest)
    return [pair for pair in ordered if pair.photo not in repeats]
