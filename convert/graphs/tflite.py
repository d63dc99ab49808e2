"""Reads the operations of a ``.tflite`` file."""

from __future__ import annotations

from typing import Any

import numpy as np

from convert.graphs.kinds import TFLITE, changes_no_value, graph_name
from convert.graphs.operation import Operand, Operation, Scheme, scheme, trace
from convert.tflite.flatbuffer import operator_names, read_flatbuffer


def tflite_graph(content: bytes) -> Operand:
    """Trace a flatbuffer's output, with all operations behind it."""
    from ai_edge_litert import schema_py_generated as schema

    model = read_flatbuffer(content)
    graph = model.subgraphs[0]
    made: dict[int, Operation] = {}
    before: dict[int, int] = {}

    def step(tensor: int) -> tuple[Scheme | None, int | None]:
        skipped = sixteen and graph.tensors[tensor].type in bytes_types
        return None if skipped else _scheme(graph.tensors[tensor]), before.get(tensor)

    def operand(tensor: int) -> Operand:
        position, schemes = trace(tensor, step)
        return Operand(made[position], schemes)

    # Bytes on their way to sixteen bits and back are the interface's, not the program's.
    sixteen = any(t.type == schema.TensorType.INT16 for t in graph.tensors)
    bytes_types = (schema.TensorType.UINT8, schema.TensorType.INT8)

    photo = int(graph.inputs[0])
    made[photo] = Operation("photo", "input", tensors=[photo])
    for name, operator in zip(operator_names(model), graph.operators, strict=True):
        inputs = [int(i) for i in operator.inputs if i >= 0]
        output = int(operator.outputs[0])
        if changes_no_value(TFLITE, name):
            before[output] = inputs[0]
            first, _ = trace(output, step)
            if first in made:
                made[first].tensors.append(output)
            continue
        kind = graph_name(TFLITE, name)
        weights = graph.tensors[inputs[1]].quantization if kind == "product" else None
        taken = inputs[:1] if kind == "product" else inputs
        made[output] = Operation(
            f"{name} {output}",
            kind,
            [operand(i) for i in taken if i in made or i in before],
            None
            if weights is None or weights.scale is None
            else np.array(weights.scale, np.float32),
            [output],
        )
    return operand(int(graph.outputs[0]))


def _scheme(tensor: Any) -> Scheme | None:
    from ai_edge_litert import schema_py_generated as schema

    found = tensor.quantization
    if found is None or found.scale is None or len(found.scale) != 1:
        return None
    unsigned = tensor.type == schema.TensorType.UINT8
    return scheme(found.scale[0], found.zeroPoint[0], unsigned=unsigned)
