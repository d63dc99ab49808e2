"""One row of the latency table: a network in a file, the engine that runs it, its settings."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from edge_apps.formats import FORMATS

Precision = Literal["fp32", "bf16", "int8"]

ENGINES = {
    "torch": "PyTorch eager",
    "torch-compiled": "PyTorch compiled",
    "cuda": "PyTorch eager, GPU",
    "cuda-compiled": "PyTorch compiled, GPU",
    **{known.engine: known.runtime for known in FORMATS.values()},
    "openvino": "OpenVINO",
}
"""What runs networks, and how tables call it."""


@dataclasses.dataclass(frozen=True)
class LatencyCase:
    """One row of a latency table before it is timed.

    Args:
        network: its name.
        engine: a key of ``ENGINES``.
        precision: of the arithmetic.
        file: path of what the engine opens; empty where it could not be made.
        size: height and width at which a checkpoint runs, in pixels; files run at their own.
        threads: that the engine may use.
        remark: what a reader has to know, as that its weights were never trained.
        failure: why there is nothing to time; empty where there is.
    """

    network: str
    engine: str
    precision: Precision
    file: str
    size: int | None
    threads: int
    remark: str = ""
    failure: str = ""

    @property
    def label(self) -> str:
        """Names the engine and the precision in tables."""
        return f"{ENGINES[self.engine]} {self.precision}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a result file or another process."""
        return dataclasses.asdict(self)
