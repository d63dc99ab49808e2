"""Result files: figures with the circumstances they were measured under, as JSON."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from common.files import replacing

PACKAGES = (
    "torch",
    "torchao",
    "executorch",
    "litert-torch",
    "ai-edge-litert",
    "onnx2tf",
    "onnxruntime",
    "tensorflow",
    "numpy",
    "pillow",
    "pysodmetrics",
)
"""Packages whose version can change a figure."""

FEATURES = (
    *("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni"),
    *("avx_vnni", "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm", "sve"),
)
"""Instruction sets that decide which kernels run, as the Linux kernel names them."""


def environment(threads: int | None = None) -> dict[str, Any]:
    """Describe the circumstances of a measurement, as plain JSON values.

    Args:
        threads: how many the measured code may use; None for the cores given to this process.
    """
    cpu = _cpu()
    flags = (cpu.get("flags") or cpu.get("Features") or "").split()
    # The cores of this process, which a container or taskset may have limited.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "cpu_features": [name for name in FEATURES if name in flags],
        "cores": cores,
        "threads": threads or cores,
    }


def write_result(path: str | Path, result: dict[str, Any], *, overwrite: bool = False) -> None:
    """Write a result file as JSON, whole or not at all.

    Raises:
        InputError: if the file exists and may not be overwritten, or cannot be written.
    """
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> dict[str, str]:
    """Read the first processor of /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}


def by_last_step(data: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Split a result of ``samnet.evaluate`` by last step: scores, and what to add to a name.

    Those of maps that were enlarged alone, or given, come first; those of refined maps behind.
    """
    refined = [(", refined", data["refined"])] if "refined" in data else []
    return [("", data), *refined]
