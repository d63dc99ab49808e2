"""Biases in the type that TFLite's sixteen-bit kernels demand."""

from __future__ import annotations

import numpy as np

from edge_apps.errors import InputError

NARROW = (-(2**31), 2**31 - 1)


def widen_biases(content: bytes) -> bytes:
    """Stores the biases of products of int16 with int8 as int64, not one value changed.

    litert-torch writes them as int32, with which no runtime loads the file.

    Raises:
        InputError: if a bias is cut off at the ends of int32, so that its value is lost.
    """
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    builtin, types = schema.BuiltinOperator, schema.TensorType
    products = (builtin.CONV_2D, builtin.DEPTHWISE_CONV_2D, builtin.FULLY_CONNECTED)
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
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
                "quantise with static_wi8_ai8"
            )
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(codes.astype(np.int64).tobytes(), np.uint8)
        model.buffers.append(buffer)
        bias.buffer, bias.type = len(model.buffers) - 1, types.INT64
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
