"""The metrics of salient object detection, computed by PySODMetrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
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


Measure = Callable[..., NDArray[np.float64]]
"""From means over the photos, arrays (..., numbers of a photo), to a metric's values (...)."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """A figure of a set of maps, and how it comes from what was measured on each photo.

    Args:
        field: of ``Scores``.
        title: in tables.
        of: keys of ``RECORDS``.
        value: of their means over the photos.
        tolerance: how much worse it may become by the rounding of another processor.
        better: which way.
        slow: whether it is among those that take most of the time.
        headline: whether tables that have room for few show it.
        tex: in LaTeX; of headlines alone.
    """

    field: str
    title: str
    of: tuple[str, ...]
    value: Measure
    tolerance: float
    better: Literal["higher", "lower"]
    slow: bool
    headline: bool
    tex: str


def _metric(
    title: str,
    of: tuple[str, ...],
    value: Measure,
    tolerance: float = 0.005,
    better: Literal["higher", "lower"] = "higher",
    *,
    slow: bool = False,
    tex: str = "",
) -> Any:
    about = Metric("", title, of, value, tolerance, better, slow, bool(tex), tex)
    return dataclasses.field(metadata={"metric": about})


def f_measure(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the F-measure of any shape with beta^2 = 0.3 (Eq. 18); 0 where both are 0."""
    numerator = (1 + BETA_SQUARED) * precision * recall
    denominator = BETA_SQUARED * precision + recall
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _highest(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(curve.max(axis=-1))


def _mean(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(curve.mean(axis=-1))


def _highest_f(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    return _highest(f_measure(precision, recall))


RECORDS = {
    **dict.fromkeys(("precision", "recall", "F"), 256),
    "MAE": 1,
    "weighted_F": 1,
    "S": 1,
    "E": 256,
    "E_adaptive": 1,
}
"""What is measured on each photo, with how many numbers: one, or one for each threshold."""

SLOW_RECORDS = ("weighted_F", "S", "E", "E_adaptive")
"""Those that the fast metrics leave out."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scores:
    """Metrics of a set of maps, all from 0 to 1; higher is better but for ``MAE``.

    Whoever adds one adds a field here, and to ``RECORDS`` and ``SaliencyMetrics.records`` what it
    is computed from if that is not measured yet. Tables, result files, bootstrap intervals and
    tolerances follow.

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

    max_F: float = _metric("max F", ("precision", "recall"), _highest_f, tex=r"$F_\beta$")
    MAE: float = _metric("MAE", ("MAE",), _mean, 0.003, "lower", tex="MAE")
    weighted_F: float | None = _metric(
        "weighted F", ("weighted_F",), _mean, slow=True, tex=r"$F^\omega_\beta$"
    )
    S: float | None = _metric("S", ("S",), _mean, slow=True, tex=r"$S_\alpha$")
    E_max: float | None = _metric("E max", ("E",), _highest, slow=True, tex=r"$E^{\max}_\xi$")
    E_mean: float | None = _metric("E mean", ("E",), _mean, slow=True)
    E_adaptive: float | None = _metric("E adaptive", ("E_adaptive",), _mean, slow=True)
    max_F_per_image: float = _metric("max F/image", ("F",), _highest)
    count: int
    precision: tuple[float, ...] = dataclasses.field(repr=False, compare=False)
    recall: tuple[float, ...] = dataclasses.field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a result file."""
        values = dataclasses.asdict(self)
        for curve in ("precision", "recall"):
            values[curve] = [round(value, 6) for value in values[curve]]
        return values

    @property
    def values(self) -> dict[str, float | None]:
        """The metrics by their fields."""
        return {field: getattr(self, field) for field in METRICS}


METRICS: dict[str, Metric] = {
    field.name: dataclasses.replace(field.metadata["metric"], field=field.name)
    for field in dataclasses.fields(Scores)
    if "metric" in field.metadata
}
"""All metrics by their fields, in the order of tables."""

HEADLINES = {field: it for field, it in METRICS.items() if it.headline}
"""Those that every table shows."""


class SaliencyMetrics:
    """Collects the metrics of maps one by one.

    Args:
        choice: ``fast`` leaves out weighted F, S and E, which take most of the time.
    """

    def __init__(self, choice: Choice = "all") -> None:
        from py_sod_metrics import MAE, Emeasure, FmeasureV2, Smeasure, WeightedFmeasure
        from py_sod_metrics.fmeasurev2 import FmeasureHandler, PrecisionHandler, RecallHandler

        precision = PrecisionHandler(with_dynamic=True, with_adaptive=False)
        recall = RecallHandler(with_dynamic=True, with_adaptive=False)
        f = FmeasureHandler(with_dynamic=True, with_adaptive=False, beta=BETA_SQUARED)
        curves, mae = FmeasureV2({"p": precision, "r": recall, "f": f}), MAE()
        self._metrics = [curves, mae]
        self.records: dict[str, list[Any]] = {
            "precision": precision.dynamic_results,
            "recall": recall.dynamic_results,
            "F": f.dynamic_results,
            "MAE": mae.maes,
        }
        """What was measured: lists with an entry a photo, each a number or an array."""
        if choice == "all":
            weighted_f, s, e = WeightedFmeasure(), Smeasure(), Emeasure()
            self._metrics += [weighted_f, s, e]
            self.records |= {"weighted_F": weighted_f.weighted_fms, "S": s.sms}
            self.records |= {"E": e.changeable_ems, "E_adaptive": e.adaptive_ems}

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
        for metric in self._metrics:
            metric.step(prediction, truth, normalize=False)

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return what was measured, as arrays (photos, numbers)."""
        return {
            name: np.asarray(rows, np.float64).reshape(len(rows), -1)
            for name, rows in self.records.items()
        }

    def scores(self) -> Scores:
        """Compute the metrics of all maps so far.

        Raises:
            InputError: if there are none.
        """
        count = len(self.records["MAE"])
        if not count:
            raise InputError("no map was compared; expected at least one")
        means = {name: rows.mean(axis=0) for name, rows in self.arrays().items()}
        curves = {
            # PySODMetrics counts thresholds down from 255; here entry t belongs to threshold t.
            name: tuple(map(float, means[name][::-1]))
            for name in ("precision", "recall")
        }
        figures = {
            field: float(value) if (value := metric_value(metric, means)) is not None else None
            for field, metric in METRICS.items()
        }
        return Scores(**figures, **curves, count=count)  # type: ignore[arg-type]


def metric_value(
    metric: Metric, means: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64] | None:
    """Compute a metric of means over photos, each (..., numbers); None where one is missing."""
    if not means.keys() >= set(metric.of):
        return None
    return metric.value(*(means[name] for name in metric.of))
