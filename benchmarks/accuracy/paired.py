"""Paired comparison of int8 and float on the same photos, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.models import AccuracyModel
from benchmarks.results.accuracy_kinds import Change, PairedScores, PhotoError
from common.errors import InputError
from samnet.evaluation.metrics import HEADLINES, SaliencyMetrics, metric_value

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 0
BATCH = 100
"""Resamples at a time: their weights are an array (BATCH, photos)."""

BOOTSTRAP = (
    f"Intervals hold {CONFIDENCE:.0%} of {RESAMPLES} paired bootstrap resamples: photos are drawn "
    "with replacement, the same for both, and the figure of the whole set is computed anew."
)


def partners(accuracy_models: Sequence[AccuracyModel]) -> list[tuple[AccuracyModel, AccuracyModel]]:
    """Pair each int8 model with the float one that it was made from, if that takes part.

    An artifact of the same format comes first, so that nothing but precision differs.
    """
    pairs = []
    for low in accuracy_models:
        candidates = [
            high
            for high in accuracy_models
            if low.file.precision == "int8"
            and high.file.precision == "fp32"
            and high.file.source_sha256 == low.file.source_sha256
            and high.refined == low.refined
        ]
        candidates.sort(key=lambda high: high.path.suffix != low.path.suffix)
        pairs += [(high, low) for high in candidates[:1]]
    return pairs


def compare(
    names: tuple[str, str], data: str, stems: Sequence[str], metrics: Sequence[SaliencyMetrics]
) -> PairedScores:
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
    before, after = (it.arrays() for it in metrics)
    whole = np.full((1, len(stems)), 1 / len(stems))
    at = {
        field: (old[0], new[0])
        for field, old in _figures(before, whole).items()
        if (new := _figures(after, whole).get(field)) is not None
    }
    drawn: dict[str, list[NDArray[np.float64]]] = {field: [] for field in at}
    rng = np.random.default_rng(SEED)
    for start in range(0, RESAMPLES, BATCH):
        size = min(BATCH, RESAMPLES - start)
        counts = rng.multinomial(len(stems), whole[0], size=size)
        olds, news = (_figures(it, counts / len(stems)) for it in (before, after))
        for field in drawn:
            drawn[field].append(news[field] - olds[field])
    tail = 50 * (1 - CONFIDENCE)
    changes = []
    for name, (old, new) in at.items():
        low, high = np.percentile(np.concatenate(drawn[name]), (tail, 100 - tail))
        changes.append(
            Change(name, float(old), float(new), float(new - old), float(low), float(high))
        )
    errors = zip(stems, before["MAE"][:, 0], after["MAE"][:, 0], strict=True)
    photos = [PhotoError(stem, float(old), float(new)) for stem, old, new in errors]
    photos.sort(key=lambda photo: (-photo.change, photo.stem))
    return PairedScores(
        name=names[1],
        reference=names[0],
        data=data,
        count=len(photos),
        worse=sum(photo.change > 0 for photo in photos),
        changes=tuple(changes),
        photos=tuple(photos),
    )


def _figures(
    arrays: dict[str, NDArray[np.float64]], weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Compute the headlines by weights (resamples, photos), as values (resamples,)."""
    means = {name: weights @ rows for name, rows in arrays.items()}
    found = {field: metric_value(metric, means) for field, metric in HEADLINES.items()}
    return {field: values for field, values in found.items() if values is not None}
