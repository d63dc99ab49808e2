"""Stores the weights of a float ``.tflite`` in float16 or int8, by ai-edge-quantizer."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from common.errors import CheckFailedError, InputError
from convert.tflite.flatbuffer import read_flatbuffer
from quantize.recipes import WEIGHT_EPS, WEIGHT_MAX

DYNAMIC = ("CONV_2D", "FULLY_CONNECTED")
"""Operations of which XNNPACK knows a form with int8 weights and float activations. Of depthwise
convolutions it knows none: they would leave the fast path to save one weight in fifty."""


def half_weights(content: bytes) -> bytes:
    """Store all weights of convolutions and products in float16; runtimes compute in float."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(
            num_bits=16, dtype=qtyping.TensorDataType.FLOAT
        ),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    quantizer = _quantizer(content)
    quantizer.update_quantization_recipe(
        ".*", qtyping.TFLOperationName.ALL_SUPPORTED, config, AlgorithmName.FLOAT_CASTING
    )
    return _quantized(quantizer)


def dynamic_weights(content: bytes) -> bytes:
    """Store weights of dense convolutions and products in int8, one scale a channel.

    Raises:
        InputError: if a weight's scales are not those of the recipe ``dynamic_wi8_afp32``.
    """
    from ai_edge_quantizer import qtyping

    quantizer = _quantizer(content)
    for name in DYNAMIC:
        quantizer.add_dynamic_config(".*", qtyping.TFLOperationName[name], 8)
    made = _quantized(quantizer)
    _check_scales(content, made)
    return made


def _check_scales(float_content: bytes, content: bytes) -> None:
    """Make sure that every int8 weight has the scales that the recipe gives the float one.

    Channels that training left next to nothing in may have a finer one: the library goes down to
    1e-9 / 127 where the recipe stops at ``WEIGHT_EPS``.
    """
    from ai_edge_litert import schema_py_generated as schema

    before, after = (read_flatbuffer(c) for c in (float_content, content))
    floats = {tensor.name: tensor for tensor in before.subgraphs[0].tensors}
    found = 0
    for tensor in after.subgraphs[0].tensors:
        if tensor.type != schema.TensorType.INT8:
            continue
        origin = floats[tensor.name]
        data = np.frombuffer(bytes(before.buffers[origin.buffer].data), np.float32)
        weight = data.reshape(len(tensor.quantization.scale), -1)
        expected = np.maximum(np.abs(weight).max(1) / WEIGHT_MAX, WEIGHT_EPS)
        scales = np.asarray(tensor.quantization.scale)
        finer = (expected == WEIGHT_EPS) & (scales > 0) & (scales < expected)
        off = np.where(finer, 0, np.abs(scales / expected - 1))
        worst = int(off.argmax())
        if not off[worst] < 1e-5:
            raise CheckFailedError(
                f"{tensor.name.decode()}: channel {worst} has a scale of {scales[worst]:.6g}, "
                f"expected {expected[worst]:.6g}; the installed ai-edge-quantizer rounds otherwise "
                "than the recipe"
            )
        found += 1
    if not found:
        raise InputError("ai-edge-quantizer left every weight in float; see samnet doctor")


def _quantizer(content: bytes) -> Any:
    with _quiet():
        from ai_edge_quantizer import quantizer

        return quantizer.Quantizer(bytearray(content))


def _quantized(quantizer: Any) -> bytes:
    with _quiet():
        return bytes(quantizer.quantize().quantized_model)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's table of sizes and its progress off both streams."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
