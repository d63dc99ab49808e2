"""Times by operation of a ``.tflite``, taken by LiteRT's own profiler.

Names, layouts and options follow litert/c of https://github.com/google-ai-edge/LiteRT
(Apache-2.0); the wheel's libLiteRt.so exports them all and comes without headers.
"""

from __future__ import annotations

import ctypes
import functools
from ctypes import byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.profiling.operation_cost import OperationCost, match_operations
from benchmarks.profiling.tflite_operations import delegated, tflite_works
from common.errors import InputError, MissingPackageError
from common.native_output import quiet

CPU = 1
"""LiteRT's number of the hardware."""

READ, WRITE = 0, 1
"""How a buffer is locked."""

INVOKE, OPERATOR, DELEGATED = 1, 2, 4 | 8
"""Kinds of events, as bits: general, an operation of the interpreter, one of a delegate."""


class _TensorType(ctypes.Structure):
    _fields_ = (
        ("element", c_int),
        ("rank", c_uint),
        ("sides", c_int32 * 8),
        ("strides", c_int32 * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("tag", c_char_p),
        ("kind", c_int),
        ("start", c_int64),
        ("elapsed", c_int64),
        ("memory", c_int64 * 6),
        ("node", c_int64),
        ("status", c_int64),
        ("source", c_int),
    )


class LiteRtProfile:
    """A ``.tflite`` that tells how long each of its operations takes.

    Args:
        path: a file with one input and one output.

    Raises:
        InputError: if LiteRT is not installed or refuses the file.
    """

    engine = "LiteRT"

    def __init__(self, path: Path) -> None:
        self._lib = _library()
        self._path = path
        content = path.read_bytes()
        with quiet():
            self._open()
        self.works: list[OperationCost] = tflite_works(content)
        self.names: list[str] = []
        self.places: list[int | None] = []
        self.notes: list[str] = []
        with quiet():
            self._place(delegated(content), self._events())

    @property
    def size(self) -> int:
        """Height and width of the photo in pixels."""
        return int(self._types[0].sides[1])

    def run(self, photo: NDArray[Any]) -> tuple[list[int], int]:
        """Run the file once.

        Args:
            photo: the input's values in its own type.

        Returns:
            Microseconds of each operation, those of a delegate rounded down, and of the whole.
        """
        memory = c_void_p()
        self._must("LiteRtLockTensorBuffer", self._buffers[0], byref(memory), WRITE)
        given = np.ascontiguousarray(photo)
        ctypes.memmove(memory, given.ctypes.data, given.nbytes)
        self._must("LiteRtUnlockTensorBuffer", self._buffers[0])
        events = self._events()
        total = next(e.elapsed for e in events if e.kind == INVOKE and e.tag == b"Invoke")
        found = [e for e in events if e.kind & (OPERATOR | DELEGATED)]
        if [e.tag.decode() for e in found] != self.names:
            raise RuntimeError(f"{self._path}: its operations changed between two runs")
        return [int(e.elapsed) for e in found], int(total)

    def _open(self) -> None:
        environment, model, options, graph = (c_void_p() for _ in range(4))
        self._must("LiteRtCreateEnvironment", 0, None, byref(environment))
        name = str(self._path).encode()
        self._must("LiteRtCreateModelFromFile", environment, name, byref(model))
        self._must("LiteRtCreateOptions", byref(options))
        self._must("LiteRtSetOptionsHardwareAccelerators", options, CPU)
        for group, text in (
            ("xnnpack", b"num_threads = 1\n"),
            ("runtime_options_string", b"enable_profiling = true\n"),
        ):
            # LiteRT takes options as TOML under a group's name, and frees the string.
            extra = c_void_p()
            copy, free = _copied(text)
            self._must("LiteRtCreateOpaqueOptions", group.encode(), copy, free, byref(extra))
            self._must("LiteRtAddOpaqueOptions", options, extra)
        self._model, self._profiler = c_void_p(), c_void_p()
        self._must("LiteRtCreateCompiledModel", environment, model, options, byref(self._model))
        self._must("LiteRtCompiledModelGetProfiler", self._model, byref(self._profiler))
        self._must("LiteRtGetModelSubgraph", model, c_size_t(0), byref(graph))
        self._types: list[_TensorType] = []
        self._buffers: list[c_void_p] = []
        for side in ("Input", "Output"):
            tensor, need, buffer, kind = c_void_p(), c_void_p(), c_void_p(), _TensorType()
            self._must(f"LiteRtGetSubgraph{side}", graph, c_size_t(0), byref(tensor))
            self._must("LiteRtGetRankedTensorType", tensor, byref(kind))
            self._must(
                f"LiteRtGetCompiledModel{side}BufferRequirements",
                *(self._model, c_size_t(0), c_size_t(0), byref(need)),
            )
            self._must(
                "LiteRtCreateManagedTensorBufferFromRequirements",
                *(environment, byref(kind), need, byref(buffer)),
            )
            self._types.append(kind)
            self._buffers.append(buffer)

    def _events(self) -> list[_Event]:
        """Run once and list what the profiler saw, in order."""
        photo, saliency_map = self._buffers
        self._must("LiteRtResetProfiler", self._profiler)
        self._must("LiteRtStartProfiler", self._profiler)
        one = c_size_t(1)
        self._must(
            "LiteRtRunCompiledModel",
            self._model,
            c_size_t(0),
            one,
            byref(photo),
            one,
            byref(saliency_map),
        )
        self._must("LiteRtStopProfiler", self._profiler)
        count = c_int()
        self._must("LiteRtGetNumProfilerEvents", self._profiler, byref(count))
        events = (_Event * count.value)()
        self._must("LiteRtGetProfilerEvents", self._profiler, count, events)
        return list(events)

    def _place(self, pieces: list[list[int]], events: list[_Event]) -> None:
        """Name the operations and find each in the file, one delegated piece after another."""
        run: list[str] = []
        waiting = iter(pieces)

        def finish() -> None:
            if run:
                piece = next(waiting, [])
                found = match_operations(run, [self.works[i] for i in piece])
                self.places.extend(None if i is None else piece[i] for i in found)
                run.clear()

        for event in events:
            if not event.kind & (OPERATOR | DELEGATED):
                continue
            if event.kind & OPERATOR or event.node == 0:
                finish()
            self.names.append(event.tag.decode())
            if event.kind & OPERATOR:
                self.places.append(int(event.node))
            else:
                run.append(self.names[-1])
        finish()

    def _must(self, name: str, *arguments: Any) -> None:
        if status := getattr(self._lib, name)(*arguments):
            raise InputError(f"{self._path}: {name} failed, LiteRT status {status}")


@functools.cache
def _library() -> Any:
    try:
        import ai_edge_litert
    except ModuleNotFoundError as error:
        raise MissingPackageError("LiteRT is not installed; pip install ai-edge-litert") from error
    return ctypes.CDLL(str(Path(ai_edge_litert.__path__[0]) / "libLiteRt.so"))


def _copied(text: bytes) -> tuple[c_void_p, c_void_p]:
    """Copy a string to memory that C can free; also return C's function that does it."""
    c = ctypes.CDLL(None)
    c.strdup.restype, c.strdup.argtypes = c_void_p, [c_char_p]
    return c_void_p(c.strdup(text)), ctypes.cast(c.free, c_void_p)
