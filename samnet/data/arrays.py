"""Arrays larger than memory, in memory-mapped files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike


def new_array(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> np.memmap:
    """Create a .npy file and map it into memory.

    Its space is taken at once: a disk that fills up while a mapping is written ends the process
    by a signal, without a word.

    Raises:
        OSError: if there is no room for it.
    """
    array: np.memmap[Any, Any] = np.lib.format.open_memmap(path, "w+", dtype, shape)
    with open(path, "r+b") as file:
        # Not every system can; there the array stays sparse.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def open_array(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> np.ndarray | None:
    """Map a .npy file into memory, copy on write: the file stays as it is.

    Returns:
        The array; None if there is no such file, it was cut, or it holds anything else.
    """
    try:
        array = np.load(path, mmap_mode="c")
    except (OSError, ValueError, EOFError):
        return None
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
        return None
    return array
