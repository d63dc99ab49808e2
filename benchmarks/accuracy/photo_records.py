"""Cache of what was measured on each photo, by the contents of model, photo and mask."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.files import replacing, sha256
from common.images.photos import Bytes
from samnet.data.layouts import Pair
from samnet.evaluate import measure
from samnet.evaluation.metrics import RECORDS, SLOW_RECORDS, Choice, SaliencyMetrics

Record = NDArray[np.float64]
"""Everything that was measured on one photo, one number after the other."""

ROOT = Path(__file__).resolve().parents[2]
CODE = ("common", "samnet", "edge_apps", "benchmarks/peers")
"""Packages whose code makes maps and compares them."""


@dataclasses.dataclass(frozen=True)
class RecordCache:
    """Records in files whose names are hashes of all that decides them.

    Args:
        folder: where they stand; None keeps nothing.
        circumstances: what decides every record of a run, as plain JSON values.
    """

    folder: Path | None
    circumstances: dict[str, Any]

    def key(self, map_hash: str, pair_hashes: tuple[str, str], settings: Sequence[object]) -> str:
        """Name a record: by what makes the map, photo and mask, and how they are compared."""
        values = [self.circumstances, map_hash, *pair_hashes, *settings]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def get(self, key: str, choice: Choice) -> Record | None:
        """Return a record kept earlier; None if there is none, or its file is damaged."""
        if self.folder is None or not (path := self._path(key)).is_file():
            return None
        try:
            record = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        whole = record.shape == (sum(_lengths(choice)),) and record.dtype == np.float64
        return record if whole else None

    def put(self, key: str, record: Record) -> None:
        """Keep a record.

        Raises:
            InputError: if it cannot be written.
        """
        if self.folder is not None:
            with replacing(self._path(key), overwrite=True) as temporary:
                np.save(temporary, record)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / key[:2] / f"{key}.npy"


def code_hash() -> str:
    """Hash the code that makes maps and compares them: a change of it makes records anew."""
    digest = hashlib.sha256()
    for path in sorted(path for name in CODE for path in (ROOT / name).rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def pair_hashes(pair: Pair) -> tuple[str, str]:
    """Hash a photo and its mask."""
    return sha256(pair.photo), sha256(pair.mask)


def record_of(pair: Pair, source: Callable[[Pair], Bytes], choice: Choice) -> Record:
    """Compare one map with its mask.

    Raises:
        InputError: if a file cannot be read or sizes differ.
    """
    arrays = measure([pair], source, choice).arrays()
    return np.concatenate([array[0] for array in arrays.values()])


def metrics_of(records: Iterable[Record], choice: Choice) -> SaliencyMetrics:
    """Compute the metrics as if all photos had been compared now."""
    metrics = SaliencyMetrics(choice)
    ends = np.cumsum(_lengths(choice))[:-1]
    for record in records:
        parts = np.split(record, ends)
        for values, part in zip(metrics.records.values(), parts, strict=True):
            values.append(part.item() if part.size == 1 else part)
    return metrics


def _lengths(choice: Choice) -> list[int]:
    """Numbers a photo in each list of ``SaliencyMetrics.records``."""
    left_out = SLOW_RECORDS if choice == "fast" else ()
    return [length for name, length in RECORDS.items() if name not in left_out]
