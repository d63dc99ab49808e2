"""Times by operation of a ``.pte``, taken by XNNPACK inside ExecuTorch.

ExecuTorch's wheel has no event tracer: its ``enable_etdump`` gives nothing. XNNPACK within it can
time its operations, if its runtimes are made with a flag, which ``native/runtimes.c`` adds. What
runs outside the delegate is not timed by anyone; it is in the total.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.profiling.operation_cost import OperationCost, match_operations
from benchmarks.profiling.pte_operations import outside, pte_works
from common.errors import InputError, MissingPackageError
from common.images.photos import Bytes
from common.native_output import quiet
from convert.upstream import CHECKED
from edge_apps.backends.pte import open_pte

SOURCE = Path(__file__).parent / "native" / "runtimes.c"

BINDINGS = "executorch.extension.pybindings._portable_lib"
"""Holds XNNPACK in the versions that were looked at; 1.5 has it in a library of its own."""

CURE = f"pip install executorch=={CHECKED['executorch'][-1]}"

NAMES, TIMES = 1, 2
"""What ``xnn_get_runtime_profiling_info`` can be asked for, numbers of an enumeration."""


class ExecuTorchProfile:
    """A ``.pte`` that tells how long each of its XNNPACK operations takes.

    Args:
        path: the artifact.

    Raises:
        InputError: if there is no C compiler, ExecuTorch was loaded too early to be timed, or the
            program is not a single XNNPACK delegate.
    """

    engine = "ExecuTorch"

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        self._runtimes, self._xnnpack = _interposed()
        before = self._runtimes.runtimes_count()
        self._backend = open_pte(path, 1)
        if self._runtimes.runtimes_count() != before + 1:
            raise InputError(
                f"{path}: made {self._runtimes.runtimes_count() - before} XNNPACK runtimes, "
                "expected one; only programs of one delegate can be timed by operation"
            )
        self._runtime = ctypes.c_void_p(self._runtimes.runtimes_get(before))
        self.works: list[OperationCost] = pte_works(content)
        self.names = self._info(NAMES).rstrip(b"\0").decode().split("\0")
        self.places = match_operations(self.names, self.works)
        names = outside(content)
        self.notes = [
            f"{len(names)} operations outside the delegate ({', '.join(sorted(set(names)))}) are "
            "in the total only: ExecuTorch's wheel has no event tracer"
        ] * bool(names)

    @property
    def size(self) -> int:
        """Height and width of the photo in pixels."""
        return self._backend.size

    def run(self, photo: Bytes) -> tuple[list[int], int]:
        """Map a photo (S, S, 3) uint8 once.

        Returns:
            Microseconds of each operation, rounded down, and of the whole.
        """
        start = time.perf_counter()
        self._backend.run(photo)
        total = round((time.perf_counter() - start) * 1e6)
        return np.frombuffer(self._info(TIMES), np.uint64).astype(int).tolist(), total

    def _info(self, what: int) -> bytes:
        ask, need = self._xnnpack.xnn_get_runtime_profiling_info, ctypes.c_size_t()
        ask(self._runtime, what, ctypes.c_size_t(0), None, ctypes.byref(need))
        buffer = ctypes.create_string_buffer(need.value)
        if status := ask(self._runtime, what, need, buffer, ctypes.byref(need)):
            raise RuntimeError(f"XNNPACK keeps no profile, status {status}")
        return buffer.raw


@functools.cache
def _interposed() -> tuple[Any, Any]:
    """Build the library that adds the flag, and load ExecuTorch's own behind it."""
    if BINDINGS in sys.modules:
        raise InputError("ExecuTorch is loaded already; a .pte must be profiled in a new process")
    if not _is_installed(BINDINGS):
        raise MissingPackageError(
            f"no ExecuTorch is installed whose operations could be timed; {CURE}"
        )
    compiler = shutil.which("cc")
    if compiler is None:
        raise MissingPackageError("no C compiler to time a .pte with; apt-get install gcc")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "runtimes.so"
        subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True
        )
        # Global, so that the names in it come before those of libraries loaded later.
        runtimes = ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    runtimes.runtimes_count.restype = ctypes.c_size_t
    runtimes.runtimes_get.restype = ctypes.c_void_p
    runtimes.runtimes_get.argtypes = [ctypes.c_size_t]
    with quiet():
        from executorch.extension.pybindings import _portable_lib
    path = str(_portable_lib.__file__)
    if runtimes.runtimes_bind(path.encode()):
        raise MissingPackageError(f"{path}: has no XNNPACK that could be timed; {CURE}")
    return runtimes, ctypes.CDLL(path)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
