"""Runs ``.pte`` artifacts with ExecuTorch's Python bindings, which need torch themselves."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError, MissingPackageError
from common.images.photos import Bytes
from common.native_output import quiet
from edge_apps.backends.float_io import Floats
from edge_apps.backends.interface import checked_size, read_flatbuffer
from edge_apps.maps.coding import Coding, coding_by

IDENTIFIER = b"ET12"
"""Stands at bytes 4 to 8 of every ExecuTorch program."""

TYPES = {0: "uint8", 6: "float32"}
"""Types by their numbers among ExecuTorch's scalar types."""

SCALE, ZERO_POINT = "output_scale", "output_zero_point"
"""Methods without arguments that say what a byte of the map stands for:
value = (byte - zero_point) * scale."""

_pool_generation = 0

_turn = threading.RLock()
"""Held by the thread that runs a program or changes the pool, which all programs share."""


class PteBackend:
    """An opened ``.pte``.

    All programs of a process share one pool of threads, and a program that was loaded before the
    pool changed would use one that no longer exists. Each backend therefore remembers for which
    pool its program was loaded and loads it again after a change: cheap where one number of
    threads is used, correct where several alternate. Threads that call take turns.

    Args:
        content: the file's bytes.
        size: S, height and width of the input in pixels.
        threads: number of threads that XNNPACK may use.
        floats: what bytes mean to it; None where it takes them as they are.
        coding: what the file says of its map's bytes.
    """

    def __init__(
        self,
        content: bytes,
        size: int,
        threads: int,
        floats: Floats | None = None,
        coding: Coding | None = None,
    ) -> None:
        self.size = size
        self.coding = coding
        self.threads = threads
        self.floats = floats
        self._content = content
        self._generation = -1
        self._method: Any = None

    def run(self, photo: Bytes) -> Bytes:
        """Map a photo (S, S, 3) uint8 to a map (M, M) uint8."""
        import torch

        given = self.floats.photo(photo) if self.floats else np.ascontiguousarray(photo)[None]
        if not given.flags.writeable:
            given = given.copy()  # torch warns of memory that it must not write to
        with _turn:
            self.prepare()
            outputs = self._method.execute([torch.from_numpy(given)])
            saliency_map: Bytes = outputs[0].numpy()
        if self.floats:
            saliency_map = self.floats.map(saliency_map)
        return saliency_map.reshape(saliency_map.shape[1:3])

    def prepare(self) -> None:
        """Load the program for a pool of as many threads as asked for."""
        with _turn:
            generation = _use_threads(self.threads)
            if generation != self._generation:
                self._method = load_program(self._content).load_method("forward")
                self._generation = generation


def open_pte(
    path: str | Path, threads: int | None = None, floats: Floats | None = None
) -> PteBackend:
    """Open a ``.pte`` that takes a photo (1, S, S, 3) and give a map of S x S, both uint8.

    Args:
        path: the artifact.
        threads: number of threads that XNNPACK may use; None for all cores of this process.
        floats: what bytes mean to it, if it was converted for float32 tensors.

    Raises:
        InputError: if the file is no ExecuTorch program, is damaged, needs operators that the
            runtime lacks, has another interface, or ExecuTorch is not installed.
    """
    content = read_flatbuffer(path, IDENTIFIER, "an ExecuTorch program")
    if threads is None:
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    try:
        program = load_program(content)
        size = _size(path, program, floats)
        backend = PteBackend(content, size, threads, floats, _coding(program))
        backend.prepare()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: damaged or foreign ExecuTorch program ({reason})") from error
    return backend


def load_program(content: bytes) -> Any:
    """Load ExecuTorch's program of a file's bytes.

    Raises:
        InputError: if ExecuTorch is not installed.
        RuntimeError: if the file is damaged or foreign.
    """
    try:
        # Reading the CPU's features, the library complains of files that only phones have.
        with quiet():
            from executorch.runtime import Runtime, Verification
    except ModuleNotFoundError as error:
        raise MissingPackageError("ExecuTorch is not installed; pip install executorch") from error
    with quiet():
        return Runtime.get().load_program(content, verification=Verification.InternalConsistency)


def _use_threads(threads: int) -> int:
    """Give the pool that many threads; the number changes whenever the pool does."""
    global _pool_generation
    from executorch.extension.pybindings import portable_lib

    with quiet():
        if portable_lib._threadpool_get_thread_count() != threads:
            portable_lib._unsafe_reset_threadpool(threads)
            _pool_generation += 1
    return _pool_generation


def _coding(program: Any) -> Coding | None:
    """Read what the file says of its map's bytes; None where that is nothing."""
    if not {SCALE, ZERO_POINT} <= program.method_names:
        return None
    scale, zero_point = (program.load_method(n).execute([])[0] for n in (SCALE, ZERO_POINT))
    return coding_by(float(scale), int(zero_point))


def _size(path: str | Path, program: Any, floats: Floats | None) -> int:
    """Return S, after a check that input and output are a photo and a map."""
    if "forward" not in program.method_names:
        raise InputError(f"{path}: has no method forward; not an artifact of this project")
    meta = program.metadata("forward")
    inputs, outputs = (
        [_shape_and_type(tensor(index)) for index in range(count)]
        for tensor, count in (
            (meta.input_tensor_meta, meta.num_inputs()),
            (meta.output_tensor_meta, meta.num_outputs()),
        )
    )
    return checked_size(path, inputs, outputs, floats)


def _shape_and_type(tensor: Any) -> tuple[tuple[int, ...], str]:
    return tuple(tensor.sizes()), TYPES.get(tensor.dtype(), f"of type {tensor.dtype()}")
