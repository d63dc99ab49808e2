"""The processor that this process runs on: its name, and the instruction sets that matter."""

from __future__ import annotations

import importlib
import os
import platform
from collections.abc import Collection, Mapping
from pathlib import Path

FEATURES = (
    *("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni"),
    *("avx_vnni", "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm", "sve"),
)
"""Instruction sets that decide which kernels run, as the Linux kernel names them."""

NUMPY_NAMES = {
    "sse4_2": "SSE42",
    "avx": "AVX",
    "avx2": "AVX2",
    "fma": "FMA3",
    "f16c": "F16C",
    "avx512f": "AVX512F",
    "avx512bw": "AVX512BW",
    "avx512_vnni": "AVX512VNNI",
    "asimd": "ASIMD",
    "asimddp": "ASIMDDP",
    "sve": "SVE",
}
"""How NumPy calls those that it looks for; which of them it knows depends on its version."""

VNNI = ("avx512_vnni", "avx_vnni")
"""Sums of products of bytes in one instruction, on x86."""

DOT_PRODUCTS = ("asimddp", "i8mm")
"""The same on arm64."""

CPUINFO = Path("/proc/cpuinfo")


def usable_cores() -> int:
    """Count the cores of this process, which a container or ``taskset`` may have limited."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def name() -> str:
    """Tell how the processor calls itself, and whether some of what it has is masked.

    Its architecture stands for it where it has no name.
    """
    cpuinfo = _cpuinfo()
    found = cpuinfo.get("model name") or platform.processor() or platform.machine()
    return f"{found}, features masked" if denied(_listed(cpuinfo), _asked()) else found


def features() -> tuple[str, ...]:
    """List those of ``FEATURES`` that libraries in this process find, in that order."""
    return confirmed(_listed(_cpuinfo()), _asked())


def confirmed(listed: Collection[str], asked: Mapping[str, bool]) -> tuple[str, ...]:
    """Put together what the kernel lists and what the processor answered.

    Under an emulator, or where ``cpuid`` is masked for a process, the kernel goes on listing what
    the machine has, while libraries choose their kernels by the answer.

    Args:
        listed: instruction sets by the kernel; empty where it lists none.
        asked: by name, whether the processor said that it has it; not every feature was asked for.

    Returns:
        What the answer confirms. Of what was not asked for, what is listed, unless the answer
        denies something that is listed: then the list is of another processor.
    """
    believed = () if denied(listed, asked) else listed
    return tuple(it for it in FEATURES if asked.get(it, it in believed))


def denied(listed: Collection[str], asked: Mapping[str, bool]) -> tuple[str, ...]:
    """Name what the kernel lists and the processor denied; arguments as in :func:`confirmed`."""
    return tuple(it for it in FEATURES if it in listed and not asked.get(it, True))


def _asked() -> dict[str, bool]:
    """Collect what NumPy found by asking the processor when it was imported."""
    for module in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
        try:
            answers = importlib.import_module(module).__cpu_features__
        except (ImportError, AttributeError):
            continue
        return {it: answers[known] for it, known in NUMPY_NAMES.items() if known in answers}
    return {}


def _listed(cpuinfo: Mapping[str, str]) -> list[str]:
    return (cpuinfo.get("flags") or cpuinfo.get("Features") or "").split()


def _cpuinfo() -> dict[str, str]:
    """Read the first processor of /proc/cpuinfo; empty where there is none."""
    try:
        text = CPUINFO.read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}
