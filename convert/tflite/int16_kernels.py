"""Adapts operations to the demands and defects of TFLite's sixteen-bit kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from common.errors import InputError
from convert.tflite.flatbuffer import read_flatbuffer, write_flatbuffer
from convert.tflite.interface import add_tensor, new_operator

NARROW = (-(2**31), 2**31 - 1)


def mend(content: bytes) -> bytes:
    """Give operations of int16 what they need; those of other types stay as they are.

    * Biases of products are stored as int64, not one value changed: litert-torch writes them as
      int32, with which no runtime loads the file.
    * Bilinear resizes stand between a dequantization and a quantization. LiteRT's kernel of int16
      (``ResizeBilinearInteger``, reference/resize_bilinear.h) places pixels by their number times
      a step of ten bits, whose error grows along a row to hundreds of codes. In float XNNPACK
      does it, and codes stay within rounding.

    Raises:
        InputError: if a bias is cut off at the ends of int32, so that its value is lost.
    """
    model = read_flatbuffer(content)
    _widen_biases(model)
    _resize_in_float(model)
    return write_flatbuffer(model)


def _widen_biases(model: Any) -> None:
    from ai_edge_litert import schema_py_generated as schema

    builtin, types = schema.BuiltinOperator, schema.TensorType
    products = (builtin.CONV_2D, builtin.DEPTHWISE_CONV_2D, builtin.FULLY_CONNECTED)
    graph = model.subgraphs[0]
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        if code not in products or len(operator.inputs) < 3 or operator.inputs[2] < 0:
            continue
        bias = graph.tensors[operator.inputs[2]]
        sixteen = graph.tensors[operator.inputs[0]].type == types.INT16
        if not sixteen or bias.type != types.INT32:
            continue
        codes = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.int32)
        if np.isin(codes, NARROW).any():
            raise InputError(
                f"{bias.name.decode()}: a bias is beyond the 32 bits that litert-torch writes; "
                "quantize with static_wi8_ai8"
            )
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(codes.astype(np.int64).tobytes(), np.uint8)
        model.buffers.append(buffer)
        bias.buffer, bias.type = len(model.buffers) - 1, types.INT64


def _resize_in_float(model: Any) -> None:
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    kinds = [code.builtinCode for code in model.operatorCodes]
    types = schema.TensorType
    operators = []
    for operator in list(graph.operators):
        given, made = int(operator.inputs[0]), int(operator.outputs[0])
        resizes = kinds[operator.opcodeIndex] == schema.BuiltinOperator.RESIZE_BILINEAR
        if not resizes or graph.tensors[given].type != types.INT16:
            operators.append(operator)
            continue
        small = add_tensor(model, given, graph.tensors[given].name + b"/float", types.FLOAT32)
        large = add_tensor(model, made, graph.tensors[made].name + b"/float", types.FLOAT32)
        operator.inputs[0], operator.outputs[0] = small, large
        operators += [
            new_operator(model, "DEQUANTIZE", given, small),
            operator,
            new_operator(model, "QUANTIZE", large, made),
        ]
    graph.operators = operators
