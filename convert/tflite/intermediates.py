"""What the operations of a ``.tflite`` file give, which its delegate otherwise keeps to itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.tflite.interface import expose_steps
from edge_apps.backends.tflite import interpreter_class

Values = NDArray[np.float32]


def intermediates(content: bytes, photo: NDArray[Any]) -> list[Values]:
    """List what every operation of a flatbuffer gives, dequantized, maps as (1, C, H, W).

    Args:
        content: the flatbuffer.
        photo: its input tensor.
    """
    found = []
    for _, values, (scale, zero_point) in ExposedSteps(content).run(photo):
        numbers = values.astype(np.float32)
        if scale:
            numbers = (numbers - np.float32(zero_point)) * np.float32(scale)
        found.append(numbers)
    return found


class ExposedSteps:
    """Executes a flatbuffer and gives what every operation of it gives.

    Args:
        content: the flatbuffer.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter = interpreter_class()(model_content=expose_steps(content), num_threads=1)
        self._interpreter.allocate_tensors()

    def run(self, photo: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any], tuple[float, int]]]:
        """Yield what the operations give as stored, in the order of execution.

        Args:
            photo: the flatbuffer's input tensor.

        Yields:
            The tensor's number in the file, and its values, maps as (1, C, H, W), with their scale
            and zero point; the scale of floats is 0.
        """
        interpreter = self._interpreter
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo)
        interpreter.invoke()
        for details in interpreter.get_output_details():
            tensor = details["index"]
            values = interpreter.get_tensor(tensor)
            maps = values.transpose(0, 3, 1, 2) if values.ndim == 4 else values
            yield tensor, maps, details["quantization"]
