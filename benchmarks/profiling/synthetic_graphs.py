"""TFLite graphs made by hand, to measure a machine with instead of a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convert.tflite.flatbuffer import write_flatbuffer

STEP = 2.0**-6
"""Scale of int8 tensors and weights; any would do."""

OPTIONS = {"CONV_2D": "Conv2DOptions", "ADD": "AddOptions", "EXP": "ExpOptions"}
"""What the schema calls the settings of each operation."""

VERSIONS = {"CONV_2D": 3, "ADD": 2, "EXP": 2}
"""The first version of each operation whose kernels know int8."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a graph.

    Args:
        shape: in the file's layout, channels last.
        type: of its values.
        values: of a constant; None for what is computed.
    """

    shape: tuple[int, ...]
    type: Literal["float32", "int32", "int8"]
    values: NDArray[Any] | None = None


@dataclasses.dataclass(frozen=True)
class Operator:
    """An operation: its name in the schema, the indices of its inputs and of its output."""

    name: Literal["CONV_2D", "ADD", "EXP"]
    inputs: tuple[int, ...]
    output: int


def flatbuffer(tensors: Sequence[Tensor], operators: Sequence[Operator]) -> bytes:
    """Build a TFLite file; its input is the first tensor, its output the last operator's."""
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    names = sorted({operator.name for operator in operators})
    model.version, model.operatorCodes, model.subgraphs = 3, [], [graph]
    model.buffers, graph.tensors, graph.operators = [schema.BufferT()], [], []
    for name in names:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = VERSIONS[name]
        model.operatorCodes.append(code)
    for number, tensor in enumerate(tensors):
        made = schema.TensorT()
        made.name, made.hasRank = f"tensor {number}".encode(), True
        made.shape = np.array(tensor.shape, np.int32)
        made.type = getattr(schema.TensorType, tensor.type.upper())
        if tensor.type != "float32":
            made.quantization = _quantized(tensor)
        if tensor.values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(tensor.values.astype(tensor.type).tobytes(), np.uint8)
            model.buffers.append(buffer)
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
    for operator in operators:
        step = schema.OperatorT()
        step.opcodeIndex = names.index(operator.name)
        step.builtinOptionsType = getattr(schema.BuiltinOptions, OPTIONS[operator.name])
        step.builtinOptions = getattr(schema, f"{OPTIONS[operator.name]}T")()
        if operator.name == "CONV_2D":
            step.builtinOptions.strideW = step.builtinOptions.strideH = 1
        step.inputs = np.array(operator.inputs, np.int32)
        step.outputs = np.array([operator.output], np.int32)
        graph.operators.append(step)
    graph.inputs = np.array([0], np.int32)
    graph.outputs = np.array([operators[-1].output], np.int32)
    return write_flatbuffer(model)


def _quantized(tensor: Tensor) -> Any:
    """Build symmetric scales, one a channel of a constant; biases have the product's scale."""
    from ai_edge_litert import schema_py_generated as schema

    channels = 1 if tensor.values is None else tensor.shape[0]
    parameters = schema.QuantizationParametersT()
    step = STEP * STEP if tensor.type == "int32" else STEP
    parameters.scale = np.full(channels, step, np.float32)
    parameters.zeroPoint = np.zeros(channels, np.int64)
    return parameters
