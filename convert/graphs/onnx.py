"""Reads the operations of an ``.onnx`` file whose graph is quantized."""

from __future__ import annotations

from convert.graphs.kinds import ONNX, changes_no_value, graph_name
from convert.graphs.operation import Operand, Operation, Scheme, scheme, trace


def onnx_graph(content: bytes) -> Operand:
    """Trace a network's output, with all operations behind it."""
    import numpy as np
    from onnx import ModelProto, numpy_helper

    graph = ModelProto.FromString(content).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    before: list[int | None] = []
    schemes: list[Scheme | None] = []
    numbers: dict[str, int] = {}
    made: dict[int, Operation] = {}
    weights: dict[str, str] = {}

    def add(name: str, given: int | None, found: Scheme | None) -> int:
        numbers[name] = len(before)
        before.append(given)
        schemes.append(found)
        return numbers[name]

    def operand(name: str) -> Operand:
        position, found = trace(numbers[name], lambda i: (schemes[i], before[i]))
        return Operand(made[position], found)

    for value in graph.input:
        made[add(value.name, None, None)] = Operation(value.name, "input")
    for node in graph.node:
        name = node.output[0]
        if changes_no_value(ONNX, node.op_type):
            if node.input[0] not in numbers:
                # A constant on its way to a product, with the scales it was dequantized by.
                if node.op_type == "DequantizeLinear":
                    weights[name] = node.input[1]
                elif node.input[0] in weights:
                    weights[name] = weights[node.input[0]]
                continue
            found = None
            if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
                scale, zero_point = (numpy_helper.to_array(constants[i]) for i in node.input[1:3])
                found = scheme(float(scale), int(zero_point), unsigned=zero_point.dtype == np.uint8)
            add(name, numbers[node.input[0]], found)
            continue
        kind = graph_name(ONNX, node.op_type)
        taken = node.input[:1] if kind == "product" else [i for i in node.input if i in numbers]
        scales = None
        if kind == "product" and node.input[1] in weights:
            scales = numpy_helper.to_array(constants[weights[node.input[1]]])
            scales = scales.astype(np.float32).reshape(-1)
        operation = Operation(f"{node.op_type} {name}", kind, [operand(i) for i in taken], scales)
        made[add(name, None, None)] = operation
    return operand(graph.output[0].name)
