"""The metrics of salient object detection, computed by PySODMetrics."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from common.errors import InputError

BETA_SQUARED = 0.3
"""Weight of precision in the F-measure (Eq. 18)."""

Choice = Literal["fast", "all"]

PROTOCOL = (
    "max_F: precision and recall at 256 thresholds averaged over the photos, then F with "
    "beta^2 = 0.3, then the maximum (the paper's Eq. 18). max_F_per_image: F of each photo "
    "averaged, then the maximum. Maps are compared at the photo's own size as they are, without "
    "stretching their range; foreground of a mask is above 128."
)
"""Printed under every table of scores."""


@dataclasses.dataclass(frozen=True)
class Scores:
    """Metrics of a set of maps, all from 0 to 1; higher is better but for ``MAE``.

    Args:
        max_F: the paper's maximum F-measure, of precision and recall averaged over the photos.
        MAE: mean absolute error.
        max_F_per_image: maximum of the F-measure averaged over the photos.
        weighted_F: weighted F-measure (Margolin et al. 2014); None with the fast metrics.
        S: structure measure (Fan et al. 2017); None with the fast metrics.
        E_max: enhanced alignment (Fan et al. 2018), the maximum over thresholds; None likewise.
        E_mean: its mean over thresholds.
        E_adaptive: E-measure at twice the map's mean.
        count: photos.
        precision: (256,) averaged over the photos; entry t is for maps of at least t.
        recall: (256,) likewise.
    """

    max_F: float
    MAE: float
    max_F_per_image: float
    weighted_F: float | None
    S: float | None
    E_max: float | None
    E_mean: float | None
    E_adaptive: float | None
    count: int
    precision: NDArray[np.float64] = dataclasses.field(repr=False, compare=False)
    recall: NDArray[np.float64] = dataclasses.field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a result file."""
        values = dataclasses.asdict(self)
        for curve in ("precision", "recall"):
            values[curve] = [round(float(value), 6) for value in values[curve]]
        return values


class SaliencyMetrics:
    """Collects the metrics of maps one by one.

    Args:
        choice: ``fast`` leaves out weighted F, S and E, which take most of the time.
    """

    def __init__(self, choice: Choice = "all") -> None:
        from py_sod_metrics import MAE, Emeasure, FmeasureV2, Smeasure, WeightedFmeasure
        from py_sod_metrics.fmeasurev2 import FmeasureHandler, PrecisionHandler, RecallHandler

        self._precision = PrecisionHandler(with_dynamic=True, with_adaptive=False)
        self._recall = RecallHandler(with_dynamic=True, with_adaptive=False)
        self._f = FmeasureHandler(with_dynamic=True, with_adaptive=False, beta=BETA_SQUARED)
        self._curves = FmeasureV2({"p": self._precision, "r": self._recall, "f": self._f})
        self._mae = MAE()
        slow = choice == "all"
        self._weighted_f = WeightedFmeasure() if slow else None
        self._s = Smeasure() if slow else None
        self._e = Emeasure() if slow else None

    def add(self, saliency_map: NDArray[np.uint8], mask: NDArray[np.uint8]) -> None:
        """Add a map (H, W) uint8, 255 is salient, and its mask (H, W) uint8.

        Raises:
            InputError: if the two differ in size or are not bytes.
        """
        if saliency_map.shape != mask.shape or saliency_map.ndim != 2:
            raise InputError(
                f"map of shape {saliency_map.shape}, mask of shape {mask.shape}; expected two of "
                "one (H, W)"
            )
        if saliency_map.dtype != np.uint8 or mask.dtype != np.uint8:
            raise InputError(f"map of {saliency_map.dtype}, mask of {mask.dtype}; expected uint8")
        prediction, truth = saliency_map / 255, mask > 128
        for metric in (self._curves, self._mae, self._weighted_f, self._s, self._e):
            if metric is not None:
                metric.step(prediction, truth, normalize=False)

    @property
    def records(self) -> list[list[Any]]:
        """What was measured: lists with an entry a photo, each a number or an array."""
        curves = (self._precision, self._recall, self._f)
        records = [*(curve.dynamic_results for curve in curves), self._mae.maes]
        if self._weighted_f and self._s and self._e:
            records += [self._weighted_f.weighted_fms, self._s.sms]
            records += [self._e.changeable_ems, self._e.adaptive_ems]
        return records

    def scores(self) -> Scores:
        """Compute the metrics of all maps so far.

        Raises:
            InputError: if there are none.
        """
        if not self._mae.maes:
            raise InputError("no map was compared; expected at least one")
        # PySODMetrics counts thresholds down from 255; here entry t belongs to threshold t.
        precision = np.mean(self._precision.dynamic_results, axis=0)[::-1]
        recall = np.mean(self._recall.dynamic_results, axis=0)[::-1]
        e = self._e.get_results()["em"] if self._e else None
        return Scores(
            max_F=float(f_measure(precision, recall).max()),
            MAE=float(self._mae.get_results()["mae"]),
            max_F_per_image=float(np.mean(self._f.dynamic_results, axis=0).max()),
            weighted_F=float(self._weighted_f.get_results()["wfm"]) if self._weighted_f else None,
            S=float(self._s.get_results()["sm"]) if self._s else None,
            E_max=float(e["curve"].max()) if e else None,
            E_mean=float(e["curve"].mean()) if e else None,
            E_adaptive=float(e["adp"]) if e else None,
            count=len(self._mae.maes),
            precision=precision,
            recall=recall,
        )


def f_measure(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the F-measure of any shape with beta^2 = 0.3 (Eq. 18); 0 where both are 0."""
    numerator = (1 + BETA_SQUARED) * precision * recall
    denominator = BETA_SQUARED * precision + recall
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
