"""Gives a TFLite flatbuffer the interface of this project: a photo and a map, bytes or floats."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import numpy as np

from convert.tflite.flatbuffer import read_flatbuffer, write_flatbuffer
from edge_apps.manifest import MapKind

Scheme = tuple[float, int]
"""Scale and zero point."""

INT8_INPUT = (1 / 64, 0)
INT8_OUTPUT: dict[MapKind, Scheme] = {"logits": (1 / 16, 0), "probability": (1 / 256, -128)}
"""Scale and zero point that the recipe fixes; as bytes, codes are 128 higher."""

INT16_INPUT = (1 / 16384, 0)
INT16_OUTPUT: dict[MapKind, Scheme] = {"logits": (1 / 4096, 0), "probability": (1 / 32768, 0)}
"""The same of the recipe with int16 activations."""

Tensors = Literal["bytes", "float"]
"""What goes in and comes out."""


def with_interface(content: bytes, tensors: Tensors, photo: Scheme, saliency_map: Scheme) -> bytes:
    """Put quantizing operations before the first and behind the last tensor.

    Against casts in the graph this has two merits: XNNPACK executes it in a float network, and
    the scales stand in the file where any tool finds them.

    Args:
        content: a flatbuffer with one input (1, S, S, 3) and one output (1, M, M, 1), both
            float, int8 or int16.
        tensors: what goes in and comes out in the end.
        photo: scale and zero point of the input's bytes.
        saliency_map: scale and zero point of the output's bytes.

    Returns:
        A flatbuffer whose input and output are uint8 or float32.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_flatbuffer(content)
    graph = model.subgraphs[0]
    types = schema.TensorType
    inner, last = int(graph.inputs[0]), int(graph.outputs[0])
    kind = graph.tensors[inner].type
    first, final = inner, last
    if tensors == "float" and kind != types.FLOAT32:
        first = add_tensor(model, inner, b"photo", types.FLOAT32)
        final = add_tensor(model, last, b"map", types.FLOAT32)
        graph.operators.insert(0, new_operator(model, "QUANTIZE", first, inner))
        graph.operators.append(new_operator(model, "DEQUANTIZE", last, final))
    elif tensors == "bytes":
        first = add_tensor(model, inner, b"photo", types.UINT8, photo)
        final = add_tensor(model, last, b"map", types.UINT8, saliency_map)
        enter, leave = [first], [final]
        if kind == types.INT16:
            # No kernel knows both unsigned bytes and sixteen bits.
            codes = [(scale, zero_point - 128) for scale, zero_point in (photo, saliency_map)]
            enter.append(add_tensor(model, inner, b"photo codes", types.INT8, codes[0]))
            leave.insert(0, add_tensor(model, last, b"map codes", types.INT8, codes[1]))
        dequantize = kind == types.FLOAT32
        for given, made in list(pairwise([*enter, inner]))[::-1]:
            name = "DEQUANTIZE" if dequantize else "QUANTIZE"
            graph.operators.insert(0, new_operator(model, name, given, made))
        for given, made in pairwise([last, *leave]):
            graph.operators.append(new_operator(model, "QUANTIZE", given, made))
    graph.tensors[first].name, graph.tensors[final].name = b"photo", b"map"
    graph.inputs, graph.outputs = np.array([first], np.int32), np.array([final], np.int32)
    for signature in model.signatureDefs or []:
        signature.inputs[0].name, signature.inputs[0].tensorIndex = b"photo", first
        signature.outputs[0].name, signature.outputs[0].tensorIndex = b"map", final
    return write_flatbuffer(model)


def expose_steps(content: bytes) -> bytes:
    """Make every operation's result an output, so that a delegate has to give it away."""
    from ai_edge_litert import schema_py_generated as schema

    model = read_flatbuffer(content)
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
    return write_flatbuffer(model)


def interface_scales(content: bytes) -> tuple[Scheme, Scheme]:
    """Read scale and zero point of a quantized flatbuffer's input and output."""
    graph = read_flatbuffer(content).subgraphs[0]
    first, last = (graph.tensors[i[0]].quantization for i in (graph.inputs, graph.outputs))
    return (
        (float(first.scale[0]), int(first.zeroPoint[0])),
        (float(last.scale[0]), int(last.zeroPoint[0])),
    )


def add_tensor(
    model: Any, like: int, name: bytes, kind: int, quantization: Scheme | None = None
) -> int:
    """Add a tensor of the same shape as ``like`` and return its index."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    tensor = schema.TensorT()
    if quantization:
        parameters = schema.QuantizationParametersT()
        parameters.scale = np.array([quantization[0]], np.float32)
        parameters.zeroPoint = np.array([quantization[1]], np.int64)
        tensor.quantization = parameters
    tensor.name = name
    tensor.shape = graph.tensors[like].shape
    tensor.hasRank = graph.tensors[like].hasRank
    tensor.type = kind
    # Buffer 0 is by convention the empty one, for tensors whose values are computed.
    tensor.buffer = 0
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def new_operator(model: Any, name: str, source: int, target: int) -> Any:
    """Build an operator of one input and one output, and note its code in the model.

    Args:
        model: the TFLite model as an object of the schema; gets the operator's code if it lacks it.
        name: QUANTIZE or DEQUANTIZE.
        source: index of the input tensor.
        target: index of the output tensor.
    """
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
