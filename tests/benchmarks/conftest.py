"""Two scenes and five forms of a pretended network, without any runtime."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
from result_heads import head

from benchmarks.demo.comparison import Candidate, Comparison, Scene, compare
from benchmarks.results.reader import SCHEMAS
from benchmarks.results.schema import Result
from benchmarks.shared.timing import Latency
from common.decode import decode


def scene(name: str, height: int, width: int) -> Scene:
    """A bright disc on a dark ground."""
    y, x = np.mgrid[:height, :width]
    disc = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (min(height, width) / 4) ** 2
    mask = np.where(disc, np.uint8(255), np.uint8(0))
    return Scene(name, np.dstack([mask // 2 + 60] * 3), mask)


def candidate(label: str, file: str, precision: str, megabytes: float, error: int) -> Candidate:
    """Finds the disc by its brightness, wrong by ``error`` gray values everywhere."""

    def predict(photo):
        return np.where(photo[..., 0] > 100, np.uint8(255 - error), np.uint8(error))

    suffix = "." + file.rpartition(".")[2]
    return Candidate(label, file, suffix, precision, megabytes, predict)


@pytest.fixture
def comparison() -> Comparison:
    candidates = [
        candidate("PyTorch fp32", "net.safetensors", "fp32", 5.0, 0),
        candidate("LiteRT fp32", "net_96_fp32.tflite", "fp32", 4.0, 0),
        candidate("LiteRT int8", "net_96_int8.tflite", "int8", 1.0, 3),
    ]
    found = compare(candidates, [scene("disc", 90, 120), scene("other disc", 100, 80)])
    rows = tuple(
        dataclasses.replace(row, latency=Latency(ms, ms - 1, ms + 1))
        for row, ms in zip(found.rows, (40.0, 12.0, 8.0), strict=True)
    )
    return dataclasses.replace(found, rows=rows)


@pytest.fixture
def made() -> Callable[..., Result]:
    """Makes a result of a kind from the plain values that its file would hold."""

    def make(kind: str, **values: object) -> Result:
        plain = json.loads(json.dumps({**head(kind), **values}))
        return decode(SCHEMAS[kind], plain)

    return make
