"""Results on what networks cost: time, memory, bytes, operations."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.results.schema import Result
from common.map_difference import Agreement


@dataclasses.dataclass(frozen=True)
class Times:
    """Milliseconds of an inference; percentiles where they were kept."""

    median: float
    minimum: float
    p5: float | None = None
    p25: float | None = None
    p75: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatencyRow:
    """A form of a network and what it took; figures are None where it failed.

    Args:
        network: its name.
        engine: a key of :data:`benchmarks.latency.case.ENGINES`.
        label: names engine and precision in tables.
        precision: of the arithmetic.
        file: name of what the engine opens.
        size: pixels of the input, or height and width; None where that is not known.
        threads: that it used.
        remark: what a reader has to know of the network.
        failure: why there are no times; empty where there are.
        latency_ms: times of an inference.
        cold_start_ms: from opening the file to the first map.
        import_ms: of importing the engine.
        peak_MB: highest resident memory above that after imports.
        process_MB: of the whole process.
        waited: share of the time that the process waited for a core.
        megabytes: of the file, millions of bytes.
        multiply_adds: of an inference; None where unknown.
    """

    network: str
    engine: str
    label: str
    precision: str
    file: str
    size: int | tuple[int, ...] | None
    threads: int
    remark: str = ""
    failure: str = ""
    latency_ms: Times | None = None
    cold_start_ms: float | None = None
    import_ms: float | None = None
    peak_MB: float | None = None
    process_MB: float | None = None
    waited: float = 0.0
    megabytes: float | None = None
    multiply_adds: int | None = None


@dataclasses.dataclass(frozen=True)
class LatencyProtocol:
    """How times were taken, in figures and in words."""

    repetitions: int
    warm_up: int
    threads: tuple[int, ...]
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latency(Result):
    """Of ``samnet bench latency``."""

    protocol: LatencyProtocol
    rows: tuple[LatencyRow, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimedOperation:
    """An operation of a profile; shape, multiply-adds and bytes where they are known."""

    name: str
    kind: str
    module: str | None
    microseconds: float
    share: float
    shape: tuple[int, ...] | None
    multiply_adds: int | None
    bytes: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProfiledFile:
    """Where the time of a file goes."""

    file: str
    engine: str
    precision: str
    microseconds: float
    microseconds_outside_operations: float
    microseconds_wall_median: float
    notes: tuple[str, ...]
    operations: tuple[TimedOperation, ...]


@dataclasses.dataclass(frozen=True)
class ModuleBound:
    """What bounds a module: microseconds taken, the least possible, and which limit it meets."""

    microseconds: float
    least: float
    by_bytes: float
    by: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile(Result):
    """Of ``samnet bench profile``.

    Args:
        protocol: of the runs.
        machine_limits: what a core does at most; None where that was not measured.
        profiles: one a file.
        bound_by_module: what bounds each module, a table a file; None likewise.
        by_module_microseconds: by module, a number a file.
    """

    protocol: dict[str, Any]
    machine_limits: dict[str, float] | None
    profiles: tuple[ProfiledFile, ...]
    bound_by_module: tuple[dict[str, ModuleBound], ...] | None
    by_module_microseconds: dict[str, tuple[float, ...]]


@dataclasses.dataclass(frozen=True)
class InstructionProtocol:
    """What was counted, how, and what it does not say."""

    what: str
    how: str
    note: str

    def __str__(self) -> str:
        return f"{self.what[:1].upper()}{self.what[1:]}. {self.how}. {self.note}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Instructions(Result):
    """Of ``samnet bench arm64``: by file and core, and the same as ratio to the first file's."""

    protocol: InstructionProtocol
    instructions: dict[str, dict[str, int]]
    ratio_to_first: dict[str, dict[str, float]]


@dataclasses.dataclass(frozen=True)
class PaperCost:
    """What Tables II and III say of a network, and how to compare with it.

    Args:
        parameters_M: #Param in millions.
        gflops: FLOPs in 10^9, of which one is a multiply-add.
        size: height and width of the photo that FLOPs are counted for, in pixels.
        remark: why a count differs from it by more than its last digit.
    """

    parameters_M: float
    gflops: float
    size: int
    remark: str


@dataclasses.dataclass(frozen=True)
class NetworkCost:
    """Counts of a network, beside the paper's where it is in the paper."""

    name: str
    parameters: int
    multiply_adds: int
    multiply_adds_at_paper_size: int | None
    paper: PaperCost | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost(Result):
    """Of ``samnet bench cost``."""

    protocol: str
    networks: tuple[NetworkCost, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counts(Result):
    """Of ``samnet bench counts``: figures by network or file."""

    protocol: str
    counts: dict[str, dict[str, float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DemoRow:
    """A form that the demo made."""

    label: str
    file: str
    format: str
    precision: str
    megabytes: float
    latency_ms: Times | None
    max_F: float
    MAE: float
    agreement: Agreement | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demo(Result):
    """Of ``samnet bench demo``."""

    model: str
    size: int
    calibration: dict[str, Any]
    photos: tuple[str, ...]
    steps: tuple[dict[str, Any], ...]
    latency_protocol: str
    protocol: str
    rows: tuple[DemoRow, ...]


@dataclasses.dataclass(frozen=True)
class EngineAccuracy:
    """Max F and MAE on so many photos of a data set."""

    data: str
    count: int
    max_F: float
    MAE: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineFile:
    """A file that one of the two engines made; figures are None where there are none."""

    network: str
    size: int
    precision: str
    engine: str
    file: str
    failure: str = ""
    megabytes: float | None = None
    parity: dict[str, Any] | None = None
    delegation: dict[str, Any] | None = None
    accuracy: EngineAccuracy | None = None
    latency_ms: Times | None = None


@dataclasses.dataclass(frozen=True)
class EngineProtocol:
    """How figures were taken, in words; ``latency`` is empty where no times were."""

    text: str
    repetitions: int
    latency: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TfliteEngines(Result):
    """Of ``samnet bench engines``."""

    protocol: EngineProtocol
    files: tuple[EngineFile, ...]
