"""Which torch module an artefact first departs at, by what both compute on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convert.flatbuffer import expose_steps
from edge_apps.photos import Bytes
from edge_apps.tflite_backend import interpreter_class
from quantize.calibration import normalise
from quantize.folding import fold_batch_norm
from samnet.layers import ConvBN
from samnet.preprocessing import Preprocessing

Values = NDArray[np.float32]

LIMIT = 0.1
"""Relative error of a module's output from which it counts as another: artefacts that pass their
gate keep float outputs to a thousandth and quantised ones to a few hundredths."""


def first_departure(
    intermediates: Sequence[Values], network: nn.Module, preprocessing: Preprocessing, photo: Bytes
) -> str:
    """Names the first convolution whose output no intermediate of an artefact equals.

    Args:
        intermediates: what the artefact's operations gave, maps as (1, C, H, W).
        network: the float network that it was made from.
        preprocessing: of the network.
        photo: (S, S, 3) uint8 that both were given.

    Returns:
        A torch name and how far the nearest tensor of that shape lies, or "" where all are there.
    """
    for name, expected in _outputs(network, normalise(photo, preprocessing)):
        size = float(np.linalg.norm(expected)) or 1.0
        same = [v for v in intermediates if v.shape == expected.shape]
        nearest = min((float(np.linalg.norm(v - expected)) / size for v in same), default=np.inf)
        if nearest > LIMIT:
            return f"{name} (nearest tensor {nearest:.2f} of its size away)"
    return ""


def tflite_intermediates(content: bytes, photo: NDArray[Any]) -> list[Values]:
    """What every operation of a flatbuffer gives, dequantised, maps as (1, C, H, W).

    Args:
        content: the flatbuffer.
        photo: its input tensor.
    """
    interpreter = interpreter_class()(model_content=expose_steps(content), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo)
    interpreter.invoke()
    found = []
    for details in interpreter.get_output_details():
        values = interpreter.get_tensor(details["index"]).astype(np.float32)
        scale, zero_point = details["quantization"]
        if scale:
            values = (values - np.float32(zero_point)) * np.float32(scale)
        found.append(values.transpose(0, 3, 1, 2) if values.ndim == 4 else values)
    return found


def _outputs(network: nn.Module, x: Tensor) -> list[tuple[str, Values]]:
    """The outputs of a network's convolutions in the order of execution, by name."""
    folded, found = fold_batch_norm(network), list[tuple[str, Values]]()

    def keep(name: str) -> Any:
        return lambda module, inputs, output: found.append((name, output.numpy().copy()))

    handles = [
        part.register_forward_hook(keep(name))
        for name, part in folded.named_modules()
        if isinstance(part, ConvBN)
    ]
    with torch.no_grad():
        folded(x)
    for handle in handles:
        handle.remove()
    return found
