"""Operations of a ``.tflite`` with their cost, and which of them a delegate takes."""

from __future__ import annotations

import math

from benchmarks.profiling.operation_cost import OperationCost, kind_of
from convert.graphs.kinds import TFLITE, is_product
from convert.graphs.multiply_adds import of_tflite
from convert.tflite.flatbuffer import operator_names, read_flatbuffer, sides
from convert.upstream import interpreter_operations
from edge_apps.backends.tflite import interpreter_class


def tflite_works(content: bytes) -> list[OperationCost]:
    """List the operations of a flatbuffer, in its order."""
    from ai_edge_litert import schema_py_generated as schema

    model = read_flatbuffer(content)
    graph = model.subgraphs[0]
    width = {
        number: _width(name)
        for name, number in vars(schema.TensorType).items()
        if isinstance(number, int)
    }

    def shape(tensor: int) -> tuple[int, ...]:
        return sides(graph.tensors[tensor])

    def size(tensor: int) -> int:
        return math.ceil(math.prod(shape(tensor)) * width[graph.tensors[tensor].type])

    works = []
    for name, operator in zip(operator_names(model), graph.operators, strict=True):
        inputs = tuple(int(i) for i in operator.inputs if i >= 0)
        output = int(operator.outputs[0])
        window = shape(inputs[1])[1:3] if is_product(TFLITE, name) else ()
        works.append(
            OperationCost(
                kind_of(TFLITE, name, window),
                shape(output),
                of_tflite(name, operator, graph) or 0,
                size(output) + sum(size(i) for i in set(inputs)),
                inputs,
                output,
            )
        )
    return works


def delegated(content: bytes) -> list[list[int]]:
    """List for each piece that the delegate takes, in the order of execution, its operations.

    The interpreter lists the file's operations and behind them one DELEGATE a piece; a piece
    consists of what lies between a DELEGATE's results and what it takes.
    """
    interpreter = interpreter_class()(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    nodes = interpreter_operations(interpreter)
    producer = {
        int(tensor): node
        for node in nodes
        if node["op_name"] != "DELEGATE"
        for tensor in node["outputs"]
    }
    pieces = []
    for delegate in (node for node in nodes if node["op_name"] == "DELEGATE"):
        taken = {int(tensor) for tensor in delegate["inputs"]}
        pending = [int(tensor) for tensor in delegate["outputs"]]
        members: set[int] = set()
        while pending:
            tensor = pending.pop()
            node = None if tensor in taken else producer.get(tensor)
            if node is not None and node["index"] not in members:
                members.add(int(node["index"]))
                pending += [int(i) for i in node["inputs"] if i >= 0]
        pieces.append(sorted(members))
    return pieces


def _width(name: str) -> float:
    """Return bytes of one value of a tensor type."""
    if name in ("INT8", "UINT8", "BOOL"):
        return 1
    bits = "".join(c for c in name if c.isdigit())
    return int(bits) / 8 if bits else 0
