"""The formats of artifacts, and what runs each: one table for the runtime and all that build on it.

What writes them stands in :mod:`convert.contract.forms`.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from typing import Any


@dataclasses.dataclass(frozen=True)
class ArtifactFormat:
    """One format of artifacts.

    Args:
        suffix: suffix of its files.
        name: name in inspections.
        engine: runtime, as benchmarks name it.
        runtime: the same, as tables show it.
        backend: function that opens a file, as ``MODULE:NAME``.
        magic: bytes that stand at position 4 of every file; empty where nothing does.
        modules: modules that the runtime imports beside what every device has.
    """

    suffix: str
    name: str
    engine: str
    runtime: str
    backend: str
    magic: bytes
    modules: tuple[str, ...]

    @property
    def open(self) -> Any:
        """Opens a file with a number of threads; imports the backend."""
        module, _, name = self.backend.partition(":")
        return getattr(importlib.import_module(module), name)

    @property
    def usable(self) -> bool:
        """Whether its runtime is installed."""
        return all(importlib.util.find_spec(module) for module in self.modules)


_BACKENDS = "edge_apps.backends"

FORMATS = {
    it.suffix: it
    for it in (
        ArtifactFormat(
            suffix=".tflite",
            name="tflite",
            engine="litert",
            runtime="LiteRT",
            backend=f"{_BACKENDS}.tflite:open_tflite",
            magic=b"TFL3",
            modules=(),
        ),
        ArtifactFormat(
            suffix=".pte",
            name="executorch",
            engine="executorch",
            runtime="ExecuTorch",
            backend=f"{_BACKENDS}.pte:open_pte",
            magic=b"ET",
            modules=("executorch", "torch"),
        ),
        ArtifactFormat(
            suffix=".onnx",
            name="onnx",
            engine="onnxruntime",
            runtime="ONNX Runtime",
            backend=f"{_BACKENDS}.onnx:open_onnx",
            magic=b"",
            modules=("onnxruntime",),
        ),
    )
}
"""By suffix."""

SUFFIXES = tuple(FORMATS)
"""Of all artifacts."""
