"""Max F and MAE of maps, computed with NumPy alone.

Both are the paper's and equal to what ``samnet evaluate`` measures with PySODMetrics, which a
device does not have; a test compares the two.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from common.errors import InputError
from common.images.photos import Bytes

BETA_SQUARED = 0.3
"""Weight of precision in the F-measure (Eq. 18)."""

FOREGROUND = 128
"""A mask's pixel above this is salient."""


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """How good maps are.

    Args:
        max_F: precision and recall averaged over the photos, then the best F over all thresholds.
        MAE: mean absolute error, averaged over the photos.
        count: photos.
    """

    max_F: float
    MAE: float
    count: int


def mean_absolute_error(saliency_map: Bytes, mask: Bytes) -> float:
    """Compute the MAE of one map (H, W) uint8, 255 is salient, against its mask (H, W) uint8."""
    return float(np.abs(saliency_map / 255 - (mask > FOREGROUND)).mean())


class AccuracyMeter:
    """Collects precision, recall and error of maps one by one."""

    def __init__(self) -> None:
        self._precision = np.zeros(256)
        self._recall = np.zeros(256)
        self._error = 0.0
        self._count = 0

    def add(self, saliency_map: Bytes, mask: Bytes) -> None:
        """Add a map (H, W) uint8, 255 is salient, and its mask (H, W) uint8.

        Raises:
            InputError: if the two differ in size.
        """
        if saliency_map.shape != mask.shape or saliency_map.ndim != 2:
            raise InputError(
                f"map of shape {saliency_map.shape}, mask of shape {mask.shape}; expected two of "
                "one (H, W)"
            )
        truth = mask > FOREGROUND
        # Pixels at or above each threshold, from 255 down to 0, then turned round.
        hits = np.bincount(saliency_map[truth], minlength=256)[::-1].cumsum()[::-1]
        taken = np.bincount(saliency_map.ravel(), minlength=256)[::-1].cumsum()[::-1]
        self._precision += np.divide(hits, taken, out=np.zeros(256), where=taken > 0)
        self._recall += hits / max(1, int(truth.sum()))
        self._error += mean_absolute_error(saliency_map, mask)
        self._count += 1

    def include(self, other: AccuracyMeter) -> None:
        """Add all maps that another meter has collected."""
        self._precision += other._precision
        self._recall += other._recall
        self._error += other._error
        self._count += other._count

    @property
    def count(self) -> int:
        """Maps so far."""
        return self._count

    def accuracy(self) -> Accuracy:
        """Compute the figures of all maps so far.

        Raises:
            InputError: if there are none.
        """
        if not self._count:
            raise InputError("no map was compared with a mask; expected at least one")
        precision, recall = self._precision / self._count, self._recall / self._count
        weight = BETA_SQUARED * precision + recall
        f = np.divide(
            (1 + BETA_SQUARED) * precision * recall, weight, out=np.zeros(256), where=weight > 0
        )
        return Accuracy(float(f.max()), self._error / self._count, self._count)
