"""The published figures: the 29 methods of the paper's Tables II and III."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.suggestions import suggestion

FILE = Path(__file__).parent / "data" / "published.csv"
SOURCE = "Tables II and III of the SAMNet paper (IEEE TIP 2021)"

ALL, NONE = "all", "none"
"""What stands for every method, and for none, where methods are chosen by name."""


@dataclasses.dataclass(frozen=True)
class Figures:
    """A method's figures on one data set, from 0 to 1; None where the tables have a dash."""

    max_F: float | None
    MAE: float | None
    weighted_F: float | None
    S: float | None


@dataclasses.dataclass(frozen=True)
class Method:
    """A row of the tables; what it costs is None where they have a dash.

    Args:
        name: as the tables call it.
        params_M: millions of parameters.
        gpu_memory_MB: on the paper's GPU.
        gflops: 10^9 multiply-adds.
        gpu_fps: photos a second on the paper's GPU.
        scores: by the name of the data set.
    """

    name: str
    params_M: float | None
    gpu_memory_MB: float | None
    gflops: float | None
    gpu_fps: float | None
    scores: dict[str, Figures]

    @property
    def mean_max_F(self) -> float | None:
        """Averaged over the data sets, as in Fig. 3; None if one of them is missing."""
        values = [figures.max_F for figures in self.scores.values()]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None


def read_published() -> tuple[Method, ...]:
    """Read all methods in the order of the tables."""
    methods: dict[str, Method] = {}
    lines = FILE.read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        values = {
            key: float(text) if text else None
            for key, text in row.items()
            if key not in ("method", "dataset")
        }
        figures = Figures(**{field.name: values.pop(field.name) for field in _fields()})
        method = methods.setdefault(row["method"], Method(row["method"], **values, scores={}))
        method.scores[row["dataset"]] = figures
    return tuple(methods.values())


def choose_published(names: Sequence[str]) -> tuple[Method, ...]:
    """Choose methods by name in any case, in the tables' order; ``all`` and ``none`` are names too.

    Raises:
        InputError: for an unknown name; the nearest one is suggested.
    """
    methods = {method.name.lower(): method for method in read_published()}
    wanted = {name.lower() for name in names}
    for name in names:
        if name.lower() not in (*methods, ALL, NONE):
            hint = suggestion(name, (method.name for method in methods.values()))
            raise InputError(f"unknown published method {name!r}; {hint}")
    if NONE in wanted:
        return ()
    return tuple(m for key, m in methods.items() if key in wanted or ALL in wanted)


def _fields() -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(Figures)
