"""Operations of a ``.tflite`` with their cost, and which of them a delegate takes."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.profiling.operation_cost import OperationCost
from edge_apps.backends.tflite import interpreter_class

KINDS = {
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "pointwise",
    "ADD": "add",
    "SUB": "sub",
    "MUL": "mul",
    "DIV": "div",
    "MAXIMUM": "maximum",
    "EXP": "exp",
    "LOGISTIC": "sigmoid",
    "MEAN": "mean",
    "CONCATENATION": "cat",
    "RESIZE_BILINEAR": "resize",
    "QUANTIZE": "convert",
    "DEQUANTIZE": "convert",
    "PAD": "pad",
    "PADV2": "pad",
    "RESHAPE": "reshape",
    "SQUEEZE": "reshape",
    "EXPAND_DIMS": "reshape",
    "TRANSPOSE": "transpose",
}


def tflite_works(content: bytes) -> list[OperationCost]:
    """List the operations of a flatbuffer, in its order."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = model.subgraphs[0]
    builtin = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    width = {
        number: _width(name)
        for name, number in vars(schema.TensorType).items()
        if isinstance(number, int)
    }

    def shape(tensor: int) -> tuple[int, ...]:
        sides = graph.tensors[tensor].shape
        return () if sides is None else tuple(int(side) for side in sides)

    def size(tensor: int) -> int:
        return math.ceil(math.prod(shape(tensor)) * width[graph.tensors[tensor].type])

    works = []
    for operator in graph.operators:
        name = builtin[model.operatorCodes[operator.opcodeIndex].builtinCode]
        inputs = tuple(int(i) for i in operator.inputs if i >= 0)
        output = int(operator.outputs[0])
        kind, each = KINDS.get(name, name.lower()), 0
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            weights = shape(inputs[1])
            each = math.prod(weights[1:3] if kind == "depthwise" else weights[1:])
        if name == "CONV_2D":
            kind = "pointwise" if weights[1:3] == (1, 1) else "convolution"
        works.append(
            OperationCost(
                kind,
                shape(output),
                math.prod(shape(output)) * each,
                size(output) + sum(size(i) for i in set(inputs)),
                inputs,
                output,
            )
        )
    return works


def operator_names(content: bytes) -> list[str]:
    """List what the operations of a flatbuffer are called, in its order."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    builtin = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    codes = (model.operatorCodes[it.opcodeIndex] for it in model.subgraphs[0].operators)
    return [builtin[code.builtinCode] for code in codes]


def delegated(content: bytes) -> list[list[int]]:
    """List for each piece that the delegate takes, in the order of execution, its operations.

    The interpreter lists the file's operations and behind them one DELEGATE a piece; a piece
    consists of what lies between a DELEGATE's results and what it takes.
    """
    interpreter = interpreter_class()(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    nodes: list[dict[str, Any]] = interpreter._get_ops_details()
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
