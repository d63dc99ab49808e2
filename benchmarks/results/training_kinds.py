"""Results on training: what choices change, and photos per second."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.results.schema import Result
from samnet.training.ablation_table import AblationPaper, AblationProtocol, AblationScores


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ablation(Result):
    """Of ``samnet ablate``."""

    table: str
    protocol: AblationProtocol
    rows: tuple[AblationScores, ...]
    paper: AblationPaper | None = None


@dataclasses.dataclass(frozen=True)
class Rate:
    """Photos per second of the wall clock and of processor time."""

    photos_per_second: float
    photos_per_cpu_second: float


@dataclasses.dataclass(frozen=True)
class RateAtSize:
    """Both training loops at one size, and how many times ours is the plain one."""

    size: int
    plain: Rate
    ours: Rate
    ratio: float
    ratio_of_cpu_time: float
    running: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Throughput(Result):
    """Of ``samnet bench training``."""

    protocol: dict[str, Any]
    sizes: tuple[RateAtSize, ...]
