"""Comparison of networks on the same photos: accuracy, agreement, size and latency of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.shared.timing import Latency
from common.map_difference import pixel_difference

Bytes = NDArray[np.uint8]
Predictor = Callable[[Bytes], Bytes]
"""Photo (H, W, 3) uint8 to map (H, W) uint8."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """A photo with what is salient in it.

    Args:
        name: of the photo.
        photo: (H, W, 3) uint8.
        mask: (H, W) uint8, 255 is salient.
    """

    name: str
    photo: Bytes
    mask: Bytes


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network in one of its forms.

    Args:
        label: names it in tables, as ``LiteRT int8``.
        file: the name of its file.
        format: as ``.tflite``.
        precision: of its arithmetic.
        megabytes: size of its file, in millions of bytes.
        predict: runs it on a photo of any size.
    """

    label: str
    file: str
    format: str
    precision: str
    megabytes: float
    predict: Predictor


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far maps depart from those of a reference network.

    Args:
        mean: mean absolute difference of gray values, of 255.
        worst: the largest mean of a single photo.
        decided: share of pixels on the same side of one half, from 0 to 1.
    """

    mean: float
    worst: float
    decided: float


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        candidate: what was measured.
        max_f: F-measure in the paper's protocol, from 0 to 1.
        mae: mean absolute error, from 0 to 1.
        agreement: with the reference; None for the reference itself.
        latency: None where it was not measured.
    """

    candidate: Candidate
    max_f: float
    mae: float
    agreement: Agreement | None
    latency: Latency | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a result file."""
        candidate = self.candidate
        return {
            "label": candidate.label,
            "file": candidate.file,
            "format": candidate.format,
            "precision": candidate.precision,
            "megabytes": round(candidate.megabytes, 3),
            "latency_ms": self.latency and dataclasses.asdict(self.latency),
            "max_F": self.max_f,
            "MAE": self.mae,
            "agreement": self.agreement and dataclasses.asdict(self.agreement),
        }


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Every candidate on every scene.

    Args:
        rows: in the order of the candidates; the first is the reference.
        scenes: what they saw.
        maps: for each row its maps (H, W) uint8, in the order of the scenes.
    """

    rows: tuple[Row, ...]
    scenes: tuple[Scene, ...]
    maps: tuple[tuple[Bytes, ...], ...]


def compare(candidates: Sequence[Candidate], scenes: Sequence[Scene]) -> Comparison:
    """Run every candidate on every scene; the first one is the reference for agreement."""
    maps = tuple(
        tuple(candidate.predict(scene.photo) for scene in scenes) for candidate in candidates
    )
    rows = []
    for index, candidate in enumerate(candidates):
        max_f, mae = _scores(maps[index], scenes)
        against = agreement(maps[index], maps[0]) if index else None
        rows.append(Row(candidate, max_f, mae, against))
    return Comparison(tuple(rows), tuple(scenes), maps)


def agreement(maps: Sequence[Bytes], reference: Sequence[Bytes]) -> Agreement:
    """Compare maps with the reference's, photo by photo; every photo weighs the same."""
    differences = [
        float(pixel_difference(saliency_map, other).mean())
        for saliency_map, other in zip(maps, reference, strict=True)
    ]
    decided = [
        float(np.mean((saliency_map >= 128) == (other >= 128)))
        for saliency_map, other in zip(maps, reference, strict=True)
    ]
    return Agreement(float(np.mean(differences)), max(differences), float(np.mean(decided)))


def table(rows: Sequence[Row]) -> str:
    """Format the rows as aligned text; the first one is the reference."""
    lines = [
        f"{'form':<16}{'size, MB':>9}{'latency, ms (min)':>19}{'max F':>8}{'MAE':>8}"
        f"{'difference':>12}{'alike':>9}"
    ]
    for row in rows:
        time = f"{row.latency.median:.1f} ({row.latency.minimum:.1f})" if row.latency else "-"
        cells = f"{row.candidate.megabytes:>9.2f}{time:>19}{row.max_f:>8.3f}{row.mae:>8.3f}"
        if row.agreement:
            cells += f"{row.agreement.mean:>12.2f}{row.agreement.decided:>9.2%}"
        lines.append(f"{row.candidate.label:<16}{cells}")
    return "\n".join(
        [
            *lines,
            f"Difference: mean, of 255, from {rows[0].candidate.label}; alike: share of pixels "
            "that both put on the same side of one half.",
        ]
    )


def _scores(maps: Sequence[Bytes], scenes: Sequence[Scene]) -> tuple[float, float]:
    from samnet.evaluation.metrics import SaliencyMetrics

    metrics = SaliencyMetrics("fast")
    for saliency_map, scene in zip(maps, scenes, strict=True):
        metrics.add(saliency_map, scene.mask)
    scores = metrics.scores()
    return scores.max_F, scores.MAE
