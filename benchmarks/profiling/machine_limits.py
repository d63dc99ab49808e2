"""Limits of one core, measured through LiteRT: multiply-adds and memory per second."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.profiling.litert import LiteRtProfile
from benchmarks.profiling.synthetic_graphs import Operator, Tensor, flatbuffer

RUNS = 40
"""Runs of each measurement, of which the fastest counts: a limit is not lowered by others. Each
lasts a few milliseconds at most, so that some run without an interruption."""

SIDE, CHANNELS = 32, 256
"""Of the convolution that products are measured with: 67 million multiply-adds."""

NEAR, FAR = 32 * 1024, 8 * 1024 * 1024
"""Float values of the sums that memory is measured with: 128 KiB, which a core's own cache holds,
and 32 MiB, which few caches do."""

REPEATS = 200
"""Sums in a row within the cache: one is too short for a clock of microseconds."""


@dataclasses.dataclass(frozen=True)
class MachineLimits:
    """The fastest that was seen on one core.

    Args:
        fp32: multiply-adds a second of a large 1x1 convolution.
        int8: the same in bytes.
        cache: bytes a second, read and written, of a sum that the core's cache holds.
        memory: the same of one that it does not hold.
    """

    fp32: float
    int8: float
    cache: float
    memory: float

    @property
    def products(self) -> dict[str, float]:
        """Multiply-adds a second by the name of their arithmetic."""
        return {"fp32": self.fp32, "int8": self.int8}

    @staticmethod
    def arithmetic(precision: str) -> Literal["fp32", "int8"]:
        """Tell what bounds the products of an artifact of a precision.

        Weights of fp16 are computed with in float32; dynamic activations are int8 in every
        product; and no product of int16 with int8 is faster than one of int8.
        """
        return "fp32" if precision in ("fp32", "fp16") else "int8"


def measure_machine_limits() -> MachineLimits:
    """Run a convolution in both arithmetics and two sums; a few seconds."""
    madds = SIDE * SIDE * CHANNELS * CHANNELS
    # A sum of a tensor with itself reads it once and writes as much: 8 bytes a value.
    return MachineLimits(
        fp32=madds / _seconds(convolution("fp32")),
        int8=madds / _seconds(convolution("int8")),
        cache=8 * NEAR * REPEATS / _seconds(sums(NEAR, REPEATS)),
        memory=8 * FAR / _seconds(sums(FAR, 1)),
    )


def _seconds(content: bytes) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "limit.tflite"
        path.write_bytes(content)
        profiler = LiteRtProfile(path)
        nothing = np.zeros(0, np.uint8)
        return min(profiler.run(nothing)[1] for _ in range(RUNS)) / 1e6


def convolution(precision: Literal["fp32", "int8"]) -> bytes:
    """Build a 1x1 convolution (1, SIDE, SIDE, CHANNELS) to the same shape."""
    kind: Literal["float32", "int8"] = "float32" if precision == "fp32" else "int8"
    data = Tensor((1, SIDE, SIDE, CHANNELS), kind)
    # Whole numbers, which both arithmetics hold.
    values = np.random.default_rng(0).integers(-127, 128, (CHANNELS, 1, 1, CHANNELS))
    weights = Tensor(values.shape, kind, values)
    bias = Tensor((CHANNELS,), "float32" if precision == "fp32" else "int32", np.zeros(CHANNELS))
    return flatbuffer([data, weights, bias, data], [Operator("CONV_2D", (0, 1, 2), 3)])


def sums(values: int, repeats: int) -> bytes:
    """Build a float tensor (1, 1, 1, values) added to itself, several times over."""
    steps = [Operator("ADD", (i, i), i + 1) for i in range(repeats)]
    return flatbuffer([Tensor((1, 1, 1, values), "float32")] * (repeats + 1), steps)
