"""Results on devices, real and emulated: agreement of maps, start, memory, what was seen."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.results.schema import Result
from common.map_difference import Agreement


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlaceRow:
    """A file in a place: how far its maps are from this CPU's, or why there are none."""

    model: str
    place: str
    why: str
    same_file: Agreement | None
    reference: Agreement | None
    accuracy: dict[str, Any] | None
    latency_ms: float | None


@dataclasses.dataclass(frozen=True)
class PlaceProtocol:
    """What was compared with what."""

    threads: int
    reference: str
    photos: tuple[str, ...]
    masks: int
    latency: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlaceAgreement(Result):
    """Of ``samnet compare``."""

    protocol: PlaceProtocol
    rows: tuple[PlaceRow, ...]


@dataclasses.dataclass(frozen=True)
class Clip:
    """A video's width and height in pixels, and its frames."""

    width: int
    height: int
    frames: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongRun(Result):
    """Of ``samnet bench long-run``: megabytes at frames, growth in 10,000 of them."""

    model: str
    clip: Clip
    frames: tuple[int, ...]
    megabytes: tuple[float, ...]
    seconds: float
    growth: float


@dataclasses.dataclass(frozen=True)
class Seconds:
    """Of several processes."""

    median: float
    minimum: float
    maximum: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start(Result):
    """Of ``samnet bench start``.

    Args:
        model: name of the file.
        repetitions: processes.
        seconds: from a process's start to its end.
        running: share of that on a processor.
        modules: imported.
        import_seconds: that their imports took.
        packages: seconds of those that took longest.
    """

    model: str
    repetitions: int
    seconds: Seconds
    running: float
    modules: int
    import_seconds: float
    packages: dict[str, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Board(Result):
    """What ``tests/edge_apps/test_board.py`` saw on a booted Raspberry Pi 3."""

    model: str
    lines: tuple[str, ...]
    frames: int
    agreement: Agreement


@dataclasses.dataclass(frozen=True)
class DevicePhoto:
    """A photo's map on a device beside this machine's."""

    photo: str
    latency_ms: float | None
    agreement: Agreement


@dataclasses.dataclass(frozen=True, kw_only=True)
class Android(Result):
    """What ``tests/edge_apps/test_android_device.py`` saw through adb."""

    model: str
    lines: tuple[str, ...]
    photos: tuple[DevicePhoto, ...]


@dataclasses.dataclass(frozen=True)
class StageTimes:
    """Milliseconds of a stage: of processor time, and by the wall clock."""

    median: float
    minimum: float
    wall: float


@dataclasses.dataclass(frozen=True)
class StagesAtSize:
    """The way from a camera's picture to the preview's, for frames of a width and height."""

    size: tuple[int, int]
    frames: int
    ms: dict[str, StageTimes]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stages(Result):
    """Of ``samnet bench stages``."""

    protocol: dict[str, Any]
    model: str
    sizes: tuple[StagesAtSize, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SteadinessRow:
    """A sequence, or several: flicker in percent and accuracy, plain and steadied."""

    name: str
    frames: int
    masks: int
    flicker: dict[str, float]
    accuracy: dict[str, dict[str, float]]
    sequences: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Steadiness(Result):
    """Of ``samnet bench steadiness``."""

    protocol: dict[str, Any]
    model: str
    filter_ms: dict[str, float]
    summaries: tuple[SteadinessRow, ...]
    sequences: tuple[SteadinessRow, ...]
