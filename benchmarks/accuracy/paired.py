"""Paired comparison of int8 and float on the same photos, with bootstrap intervals."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.models import AccuracyModel
from common.errors import InputError
from samnet.evaluation.metrics import SaliencyMetrics, f_measure

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 0
BATCH = 100
"""Resamples at a time: their weights are an array (BATCH, photos)."""

BOOTSTRAP = (
    f"Intervals hold {CONFIDENCE:.0%} of {RESAMPLES} paired bootstrap resamples: photos are drawn "
    "with replacement, the same for both, and the figure of the whole set is computed anew."
)


@dataclasses.dataclass(frozen=True)
class Change:
    """A figure of a data set before and after.

    Args:
        figure: as ``max_F``.
        before: of the reference.
        after: of the other.
        change: after minus before.
        low: lower end of its bootstrap interval.
        high: upper end.
    """

    figure: str
    before: float
    after: float
    change: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class PhotoChange:
    """What became of one photo: its mean absolute error before and after."""

    stem: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """Positive where it became worse."""
        return self.after - self.before


@dataclasses.dataclass(frozen=True)
class Paired:
    """Two models on the photos that both have maps of.

    Args:
        name: of the one.
        reference: of the other, which stands for before.
        data: the data set's name.
        changes: of figures of the whole set.
        photos: of single photos, that which lost most first.
    """

    name: str
    reference: str
    data: str
    changes: tuple[Change, ...]
    photos: tuple[PhotoChange, ...]

    @property
    def count(self) -> int:
        """Photos."""
        return len(self.photos)

    @property
    def worse(self) -> int:
        """Photos whose error grew."""
        return sum(photo.change > 0 for photo in self.photos)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a result file."""
        return {
            "name": self.name,
            "reference": self.reference,
            "data": self.data,
            "count": self.count,
            "worse": self.worse,
            "changes": [dataclasses.asdict(change) for change in self.changes],
            "photos": [
                {"stem": it.stem, "before": round(it.before, 6), "after": round(it.after, 6)}
                for it in self.photos
            ],
        }


def partners(accuracy_models: Sequence[AccuracyModel]) -> list[tuple[AccuracyModel, AccuracyModel]]:
    """Pair each int8 model with the float one that it was made from, if that takes part.

    An artifact of the same format comes first, so that nothing but precision differs.
    """
    pairs = []
    for low in accuracy_models:
        candidates = [
            high
            for high in accuracy_models
            if low.precision == "int8"
            and high.precision == "fp32"
            and high.source_sha256 == low.source_sha256
            and high.refined == low.refined
        ]
        candidates.sort(key=lambda high: high.path.suffix != low.path.suffix)
        pairs += [(high, low) for high in candidates[:1]]
    return pairs


def compare(
    names: tuple[str, str], data: str, stems: Sequence[str], metrics: Sequence[SaliencyMetrics]
) -> Paired:
    """Compare two models on the same photos.

    Args:
        names: reference, then the other.
        data: the data set's name.
        stems: of the photos.
        metrics: of both, each with the photos in the order of ``stems``.

    Raises:
        InputError: if there is no photo.
    """
    if not stems:
        raise InputError(
            f"{names[0]} and {names[1]} share no photo of {data}; expected maps of the same photos"
        )
    before, after = (_arrays(it) for it in metrics)
    whole = np.full((1, len(stems)), 1 / len(stems))
    at = {
        name: (_figure(name, before, whole)[0], _figure(name, after, whole)[0]) for name in before
    }
    drawn: dict[str, list[NDArray[np.float64]]] = {name: [] for name in before}
    rng = np.random.default_rng(SEED)
    for start in range(0, RESAMPLES, BATCH):
        size = min(BATCH, RESAMPLES - start)
        counts = rng.multinomial(len(stems), whole[0], size=size)
        weights = counts / len(stems)
        for name in drawn:
            drawn[name].append(_figure(name, after, weights) - _figure(name, before, weights))
    tail = 50 * (1 - CONFIDENCE)
    changes = []
    for name, (old, new) in at.items():
        low, high = np.percentile(np.concatenate(drawn[name]), (tail, 100 - tail))
        changes.append(
            Change(name, float(old), float(new), float(new - old), float(low), float(high))
        )
    errors = zip(stems, before["MAE"][:, 0], after["MAE"][:, 0], strict=True)
    photos = [PhotoChange(stem, float(old), float(new)) for stem, old, new in errors]
    photos.sort(key=lambda photo: (-photo.change, photo.stem))
    return Paired(names[1], names[0], data, tuple(changes), tuple(photos))


def _arrays(metrics: SaliencyMetrics) -> dict[str, NDArray[np.float64]]:
    """Gather what each figure is computed from, an array (photos, numbers) each."""
    precision, recall, _, mae, *slow = metrics.records
    found = {"max_F": [np.concatenate(pair) for pair in zip(precision, recall, strict=True)]}
    found["MAE"] = mae
    if slow:
        found |= {"weighted_F": slow[0], "S": slow[1], "E_max": slow[2]}
    return {name: np.array(rows, np.float64).reshape(len(mae), -1) for name, rows in found.items()}


def _figure(
    name: str, arrays: dict[str, NDArray[np.float64]], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute a figure of weighted photos: weights (resamples, photos) to values (resamples,)."""
    means = weights @ arrays[name]
    if name == "max_F":
        precision, recall = np.split(means, 2, axis=1)
        means = f_measure(precision, recall)
    return np.asarray(means.max(axis=1))
