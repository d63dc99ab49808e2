"""Settings that give training on a CPU its memory in large pages.

A training step allocates and frees hundreds of megabytes. By default glibc hands the largest
blocks back to the kernel each time, which clears them page by page when they are next touched.
Keeping them, in pages of 2 MB, is up to the environment that a process starts in
(https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html).
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

SETTINGS = {
    # Asks the kernel for large pages, and never takes memory from anywhere else or gives it back.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
}

FIRST_GLIBC = (2, 35)
"""Version that knows large pages."""

KERNEL = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def wants_restart(environment: dict[str, str] | os._Environ[str]) -> bool:
    """Tell whether a process started in this environment would gain by the settings.

    Not where the user chose settings, the C library or the kernel has no large pages, or a GPU
    trains.
    """
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, version.split(".")[:2])) < FIRST_GLIBC:
        return False
    if any(name in environment for name in SETTINGS) or "LD_PRELOAD" in environment:
        return False
    try:
        if "[never]" in KERNEL.read_text(encoding="ascii"):
            return False
    except OSError:
        return False
    import torch

    return not torch.cuda.is_available()


def restart_with_huge_pages() -> None:
    """Start this program anew in an environment with the settings, where that gains anything.

    Does not return then. To be called before anything else is done.
    """
    if wants_restart(os.environ):
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **SETTINGS})
