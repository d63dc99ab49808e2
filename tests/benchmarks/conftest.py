"""Two scenes and five forms of a pretended network, without any runtime."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.demo.comparison import Candidate, Comparison, Scene, compare
from benchmarks.shared.timing import Latency


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
