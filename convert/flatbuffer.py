"""Gives a TFLite flatbuffer the interface of this project: a photo and a map, both bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

INT8_INPUT = (1 / 64, 0)
INT8_OUTPUT = (1 / 256, -128)
"""Scale and zero point that the recipe fixes; as bytes, codes are 128 higher."""


def byte_interface(content: bytes, photo: tuple[float, int], map: tuple[float, int]) -> bytes:
    """Puts one quantising operation before the first and one behind the last tensor.

    Against casts in the graph this has two merits: XNNPACK executes it in a float network, and
    the scales stand in the file where any tool finds them.

    Args:
        content: a flatbuffer with one input (1, S, S, 3) and one output (1, S, S, 1), both
            float or both int8.
        photo: scale and zero point of the input's bytes.
        map: scale and zero point of the output's bytes.

    Returns:
        A flatbuffer whose input and output are uint8.
    """
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = model.subgraphs[0]
    inner, last = int(graph.inputs[0]), int(graph.outputs[0])
    is_float = graph.tensors[inner].type == schema.TensorType.FLOAT32
    first = _add_tensor(model, inner, b"photo", photo)
    final = _add_tensor(model, last, b"map", map)
    enter = "DEQUANTIZE" if is_float else "QUANTIZE"
    graph.operators.insert(0, _operator(model, enter, first, inner))
    graph.operators.append(_operator(model, "QUANTIZE", last, final))
    graph.inputs, graph.outputs = np.array([first], np.int32), np.array([final], np.int32)
    for signature in model.signatureDefs or []:
        signature.inputs[0].name, signature.inputs[0].tensorIndex = b"photo", first
        signature.outputs[0].name, signature.outputs[0].tensorIndex = b"map", final
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def expose_steps(content: bytes) -> bytes:
    """Makes every operation's result an output, so that a delegate has to give it away."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = model.subgraphs[0]
    # XNNPACK merges padding into the convolution behind it, unless the padding is an output.
    padding = schema.BuiltinOperator.PAD
    graph.outputs = np.array(
        [
            int(operator.outputs[0])
            for operator in graph.operators
            if model.operatorCodes[operator.opcodeIndex].builtinCode != padding
        ],
        np.int32,
    )
    model.signatureDefs = []
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def interface_scales(content: bytes) -> tuple[tuple[float, int], tuple[float, int]]:
    """Scale and zero point of a quantised flatbuffer's input and output."""
    from ai_edge_litert.tools import flatbuffer_utils

    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(content)).subgraphs[0]
    first, last = (graph.tensors[i[0]].quantization for i in (graph.inputs, graph.outputs))
    return (
        (float(first.scale[0]), int(first.zeroPoint[0])),
        (float(last.scale[0]), int(last.zeroPoint[0])),
    )


def _add_tensor(model: Any, like: int, name: bytes, quantisation: tuple[float, int]) -> int:
    """Adds a uint8 tensor of the same shape as ``like`` and returns its index."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    parameters = schema.QuantizationParametersT()
    parameters.scale = np.array([quantisation[0]], np.float32)
    parameters.zeroPoint = np.array([quantisation[1]], np.int64)
    tensor = schema.TensorT()
    tensor.name = name
    tensor.shape = graph.tensors[like].shape
    tensor.hasRank = graph.tensors[like].hasRank
    tensor.type = schema.TensorType.UINT8
    tensor.quantization = parameters
    # Buffer 0 is by convention the empty one, for tensors whose values are computed.
    tensor.buffer = 0
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator(model: Any, name: str, source: int, target: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    builtin = getattr(schema.BuiltinOperator, name)
    codes = [code.builtinCode for code in model.operatorCodes]
    if builtin not in codes:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        # The first version whose kernels know uint8.
        code.version = {"QUANTIZE": 2, "DEQUANTIZE": 2}[name]
        model.operatorCodes.append(code)
        codes.append(builtin)
    operator = schema.OperatorT()
    operator.opcodeIndex = codes.index(builtin)
    operator.inputs = np.array([source], np.int32)
    operator.outputs = np.array([target], np.int32)
    return operator
