"""Caches expensive rows of arrays on disk while they are computed, and resumes after a cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

from common.errors import InputError
from common.files import replacing
from common.progress import progress
from samnet.data.arrays import new_array, open_array

SAVED_EVERY = 256
"""Rows between two notes of how far it is."""

Compute = Callable[[int, int], Sequence[np.ndarray]]
"""Rows from one number up to another, an array (rows, …) a file."""


def kept_rows(
    paths: Sequence[Path],
    kinds: Sequence[tuple[tuple[int, ...], DTypeLike]],
    compute: Compute,
    label: str,
    batch: int = 16,
) -> list[Tensor]:
    """Return arrays of rows, from their files where these are whole, else computed and kept.

    A process that ends before all rows are there leaves them under ``.part``, with the number of
    those that are done; the next one goes on behind them.

    Args:
        paths: paths of the .npy files; the names must say all that decides what is in them.
        kinds: shape, the number of rows first, and type of each.
        compute: makes rows.
        label: what is being made, for the progress.
        batch: rows made at a time.

    Returns:
        The arrays, mapped into memory.

    Raises:
        InputError: if a file cannot be written or read back.
    """
    found = _opened(paths, kinds)
    if found is None:
        try:
            _fill(paths, kinds, compute, label, batch)
        except OSError as error:
            raise InputError(
                f"{paths[0].parent}: cannot be written ({error.strerror}); make room or choose "
                "another --cache"
            ) from error
        found = _opened(paths, kinds)
    if found is None:
        raise InputError(f"{paths[0]}: cannot be read back; choose another --cache")
    return found


def _opened(
    paths: Sequence[Path], kinds: Sequence[tuple[tuple[int, ...], DTypeLike]]
) -> list[Tensor] | None:
    arrays = [
        open_array(path, kind, shape) for path, (shape, kind) in zip(paths, kinds, strict=True)
    ]
    if any(array is None for array in arrays):
        return None
    return [torch.from_numpy(array) for array in arrays if array is not None]


def _fill(
    paths: Sequence[Path],
    kinds: Sequence[tuple[tuple[int, ...], DTypeLike]],
    compute: Compute,
    label: str,
    batch: int,
) -> None:
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    parts = [path.with_suffix(".part") for path in paths]
    note = paths[0].with_suffix(".done.json")
    done = _noted(note)
    if not done or _opened(parts, kinds) is None:
        done = 0
        note.unlink(missing_ok=True)
        for part, (shape, kind) in zip(parts, kinds, strict=True):
            new_array(part, kind, shape)
    arrays = [np.load(part, mmap_mode="r+") for part in parts]
    count = kinds[0][0][0]
    starts = range(done, count, batch)
    for start in progress(starts, len(starts), label):
        end = min(start + batch, count)
        for array, rows in zip(arrays, compute(start, end), strict=True):
            array[start:end] = rows
        if (end - done) // SAVED_EVERY > (start - done) // SAVED_EVERY:
            for array in arrays:
                array.flush()
            with replacing(note, overwrite=True) as temporary:
                temporary.write_text(json.dumps({"rows": end}))
    for array in arrays:
        array.flush()
    for part, path in zip(parts, paths, strict=True):
        part.replace(path)
    note.unlink(missing_ok=True)


def _noted(note: Path) -> int:
    """Read how many rows are done."""
    try:
        return int(json.loads(note.read_text())["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
