"""An artifact's max F and MAE on photos with masks against its origin's."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from common.errors import CheckFailedError
from common.images.photos import read_map, read_photo
from common.map_accuracy import mean_absolute_error
from common.progress import progress
from edge_apps.manifest import Precision
from samnet.data.layouts import DataSet
from samnet.evaluation.metrics import PROTOCOL, SaliencyMetrics
from samnet.evaluation.predictor import Predictor


@dataclasses.dataclass(frozen=True)
class Loss:
    """What an artifact may lose against its origin.

    Args:
        max_F: by which the maximum F may fall.
        MAE: by which the mean absolute error may rise.
    """

    max_F: float
    MAE: float


FLOAT_LOSS, INTEGER_LOSS = Loss(0.002, 0.001), Loss(0.01, 0.005)

LOSSES: dict[Precision, Loss] = {
    "fp32": FLOAT_LOSS,
    "fp16": FLOAT_LOSS,
    "dynamic": INTEGER_LOSS,
    "int8": INTEGER_LOSS,
    "int16x8": INTEGER_LOSS,
}
"""What each precision may lose."""


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """An artifact's accuracy beside that of its origin.

    Args:
        data: the set's name.
        count: photos.
        max_F: the artifact's.
        MAE: the artifact's.
        reference: what the origin is.
        reference_max_F: the origin's.
        reference_MAE: the origin's.
        worst: photo on which the artifact's MAE exceeds the origin's most.
        worst_MAE: by how much.
    """

    data: str
    count: int
    max_F: float
    MAE: float
    reference: str
    reference_max_F: float
    reference_MAE: float
    worst: str
    worst_MAE: float

    def figures(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        values = dataclasses.asdict(self)
        del values["data"]
        return {**values, "protocol": PROTOCOL}

    def __str__(self) -> str:
        return (
            f"on {self.count} photos of {self.data}: max F {self.max_F:.4f}, MAE {self.MAE:.4f}; "
            f"{self.reference} has {self.reference_max_F:.4f}, {self.reference_MAE:.4f}; worst "
            f"{self.worst} ({self.worst_MAE:+.4f})"
        )

    def check(self, allowed: Loss) -> None:
        """Raise CheckFailedError if the artifact lost more than is allowed."""
        fell, rose = self.reference_max_F - self.max_F, self.MAE - self.reference_MAE
        if fell > allowed.max_F or rose > allowed.MAE:
            raise CheckFailedError(
                f"the artifact is less accurate than its origin {self}; max F may fall by "
                f"{allowed.max_F:g} and MAE rise by {allowed.MAE:g}; nothing was written"
            )


def measure(artifact: Predictor, origin: Predictor, name: str, data: DataSet) -> Accuracy:
    """Run both on every photo of a set.

    Args:
        artifact: gives maps at the photos' size.
        origin: likewise.
        name: of the origin.
        data: photos with masks.

    Raises:
        InputError: if a photo or mask cannot be read, or their sizes differ.
    """
    ours, theirs = SaliencyMetrics("fast"), SaliencyMetrics("fast")
    losses = []
    for pair in progress(data.pairs, len(data.pairs), data.name):
        photo, mask = read_photo(pair.photo), read_map(pair.mask)
        maps = artifact(photo), origin(photo)
        ours.add(maps[0], mask)
        theirs.add(maps[1], mask)
        errors = [mean_absolute_error(it, mask) for it in maps]
        losses.append(errors[0] - errors[1])
    mine, other = ours.scores(), theirs.scores()
    worst = int(np.argmax(losses))
    return Accuracy(
        data=data.name,
        count=mine.count,
        max_F=round(mine.max_F, 6),
        MAE=round(mine.MAE, 6),
        reference=name,
        reference_max_F=round(other.max_F, 6),
        reference_MAE=round(other.MAE, 6),
        worst=data.pairs[worst].stem,
        worst_MAE=round(losses[worst], 6),
    )
