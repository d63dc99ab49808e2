"""Results on how good maps are: scores, and what int8 changes of them."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.results.schema import Result
from samnet.evaluation.score_row import ScoreRow


@dataclasses.dataclass(frozen=True)
class Change:
    """A figure of a data set before and after, with its bootstrap interval.

    Args:
        figure: a field of ``Scores``.
        before: of the reference.
        after: of the other.
        change: after minus before.
        low: lower end of the interval.
        high: upper end.
    """

    figure: str
    before: float
    after: float
    change: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class PhotoError:
    """The mean absolute error of a photo's map before and after."""

    stem: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """Positive where it became worse."""
        return self.after - self.before


@dataclasses.dataclass(frozen=True)
class PairedScores:
    """A model against its reference on the photos that both have maps of.

    Args:
        name: of the model.
        reference: of the other, which stands for before.
        data: the data set's name.
        count: photos.
        worse: photos whose error grew.
        changes: of figures of the whole set.
        photos: of single photos, that which lost most first.
    """

    name: str
    reference: str
    data: str
    count: int
    worse: int
    changes: tuple[Change, ...]
    photos: tuple[PhotoError, ...]

    def of(self, figure: str) -> Change:
        """Return the change of a figure."""
        return next(it for it in self.changes if it.figure == figure)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a result file, errors of photos to six digits."""
        values = dataclasses.asdict(self)
        for photo in values["photos"]:
            photo |= {key: round(photo[key], 6) for key in ("before", "after")}
        return values


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accuracy(Result):
    """Of ``samnet bench accuracy`` and ``samnet evaluate``.

    ``failures`` says of models by name why they could not be measured.
    """

    protocol: str
    rows: tuple[ScoreRow, ...]
    paired: tuple[PairedScores, ...] = ()
    notes: tuple[str, ...] = ()
    flip: bool = False
    limit: int | None = None
    size: int | None = None
    metrics: str = "all"
    processes: int = 1
    failures: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class DataUsed:
    """The photos that figures stand on."""

    name: str
    count: int

    def __str__(self) -> str:
        return f"{self.count} photos of {self.name}."


@dataclasses.dataclass(frozen=True)
class Effect:
    """What quantizing something changes: the map's signal to noise in dB, max F and MAE."""

    snr: float
    max_F: float
    MAE: float


@dataclasses.dataclass(frozen=True)
class Sensitive:
    """A module: it alone is quantized, or everything but it."""

    module: str
    only: Effect
    but: Effect


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sensitivity(Result):
    """Of ``samnet quantize sensitivity``."""

    protocol: str
    model: str
    size: int
    recipe: str
    observer: str
    calibration: dict[str, Any]
    data: DataUsed
    float: dict[str, Any]
    rows: tuple[Sensitive, ...]
    whole: Effect
    costs: dict[str, Any]
    suggestion: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PtqOption:
    """Scores with an observer and a correction; of the float network where both are None."""

    correction: str | None
    observer: str | None
    max_F: float
    MAE: float
    change_of_max_F: float | None = None
    change_of_MAE: float | None = None
    snr: float | None = None


@dataclasses.dataclass(frozen=True)
class PtqModel:
    """All observers and corrections for one checkpoint."""

    model: str
    size: int
    calibration: dict[str, Any]
    rows: tuple[PtqOption, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PtqOptions(Result):
    """Of ``samnet quantize compare-options``."""

    protocol: str
    recipe: str
    data: DataUsed
    models: tuple[PtqModel, ...]
