"""Runs ``.tflite`` artifacts, with whichever of the three TFLite runtimes is installed."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError, MissingPackageError
from common.images.photos import Bytes
from edge_apps.backends.float_io import Floats
from edge_apps.backends.interface import checked_size, read_flatbuffer
from edge_apps.maps.coding import Coding, coding_by

IDENTIFIER = b"TFL3"
"""Stands at bytes 4 to 8 of every TFLite flatbuffer."""

RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite")
"""Modules that hold an Interpreter, in order of preference."""


class TFLiteBackend:
    """An opened ``.tflite``.

    An interpreter holds the tensors of one call. Threads therefore take turns; one call alone
    uses all the threads that the network may use.

    Args:
        interpreter: a TFLite interpreter with allocated tensors.
        size: S, height and width of the input in pixels.
        floats: what bytes mean to it; None where it takes them as they are.
    """

    def __init__(self, interpreter: Any, size: int, floats: Floats | None = None) -> None:
        self.interpreter = interpreter
        self.size = size
        self.floats = floats
        self._turn = threading.Lock()
        self._input = interpreter.get_input_details()[0]["index"]
        (output,) = interpreter.get_output_details()
        self._output = output["index"]
        self.coding: Coding | None = coding_by(*output["quantization"])

    def run(self, photo: Bytes) -> Bytes:
        """Map a photo (S, S, 3) uint8 to a map (M, M) uint8."""
        floats = self.floats
        given = floats.photo(photo) if floats else photo[None]
        with self._turn:
            self.interpreter.set_tensor(self._input, given)
            self.interpreter.invoke()
            saliency_map: Bytes = self.interpreter.get_tensor(self._output)
        if floats:
            saliency_map = floats.map(saliency_map)
        return saliency_map.reshape(saliency_map.shape[1:3])


def open_tflite(path: str | Path, threads: int, floats: Floats | None = None) -> TFLiteBackend:
    """Open a ``.tflite`` that takes a photo (1, S, S, 3) and gives a map of M x M, both uint8.

    Args:
        path: the artifact.
        threads: number of threads that the runtime may use.
        floats: what bytes mean to it, if it was converted for float32 tensors.

    Raises:
        InputError: if the file is no TFLite flatbuffer, is damaged, needs operations that the
            runtime lacks, has another interface, or no runtime is installed.
    """
    content = read_flatbuffer(path, IDENTIFIER, "a TFLite file")
    try:
        # The interpreter verifies the flatbuffer's structure before it uses it.
        interpreter = interpreter_class()(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
        # Names of tensors are decoded here, and may be no UTF-8 in a damaged file.
        inputs, outputs = (
            [(tuple(map(int, it["shape"])), np.dtype(it["dtype"]).name) for it in details]
            for details in (interpreter.get_input_details(), interpreter.get_output_details())
        )
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: damaged or foreign TFLite file ({reason})") from error
    except (ImportError, SystemError) as error:
        # SystemError is how an extension reports that its own import of NumPy failed.
        raise MissingPackageError(
            f"the TFLite runtime was built for another NumPy than {np.__version__}; "
            "pip install --upgrade ai-edge-litert"
        ) from error
    return TFLiteBackend(interpreter, checked_size(path, inputs, outputs, floats), floats)


def interpreter_class() -> Any:
    """Import the Interpreter of the first TFLite runtime that is installed.

    Raises:
        InputError: if there is none.
    """
    for name in RUNTIMES:
        try:
            return importlib.import_module(name).Interpreter
        except ModuleNotFoundError:
            continue
    raise MissingPackageError("no TFLite runtime is installed; pip install ai-edge-litert")
