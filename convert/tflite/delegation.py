"""Sorts the operations of a ``.tflite`` into those that XNNPACK takes and those it leaves."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from convert.graphs.kinds import TFLITE
from convert.graphs.multiply_adds import of_tflite
from convert.tflite.flatbuffer import read_flatbuffer
from convert.upstream import interpreter_operations
from edge_apps.backends.tflite import interpreter_class
from edge_apps.manifest import Delegation, Interface

FOREIGN = frozenset({"MINIMUM", "RSQRT", "SQRT", "SQUARED_DIFFERENCE"})
"""Operations that this project's networks lack and XNNPACK executes in float alone."""


def interfaces(content: bytes) -> tuple[Interface, Interface]:
    """Describe the input and the output of a flatbuffer that has one of each."""
    interpreter = interpreter_class()(model_content=content, num_threads=1)
    photo, saliency_map = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    return _interface(photo), _interface(saliency_map)


def delegation(content: bytes) -> Delegation:
    """Load a flatbuffer as a device would and sort its operations.

    The interpreter lists the original operations and, behind them, one DELEGATE for each piece
    of the graph that the delegate took. What is executed is found by walking back from the
    output: a tensor that a DELEGATE gives comes from it, any other from its operation.
    """
    interpreter = interpreter_class()(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    operations = interpreter_operations(interpreter)
    delegates = [o for o in operations if o["op_name"] == "DELEGATE"]
    original = [o for o in operations if o["op_name"] != "DELEGATE"]
    producer = {int(t): o for o in (*original, *delegates) for t in o["outputs"]}
    pending = [int(d["index"]) for d in interpreter.get_output_details()]
    executed: dict[int, Any] = {}
    while pending:
        operation = producer.get(pending.pop())
        if operation is not None and operation["index"] not in executed:
            executed[operation["index"]] = operation
            pending += [int(t) for t in operation["inputs"] if t >= 0]
    outside = [o for o in executed.values() if o["op_name"] != "DELEGATE"]
    costs = _costs(content, original)
    total = sum(costs.values())
    shares: dict[str, float] = defaultdict(float)
    for operation in outside:
        shares[operation["op_name"]] += costs[operation["index"]] / max(1, total)
    types = {int(d["index"]): d["dtype"] for d in interpreter.get_tensor_details()}
    return Delegation(
        delegate="XNNPACK",
        partitions=sum(o["op_name"] == "DELEGATE" for o in executed.values()),
        inside=len(original) - len(outside),
        outside=dict(sorted(Counter(o["op_name"] for o in outside).items())),
        reasons={o["op_name"]: _why(o, types) for o in outside},
        share=max(0.0, 1 - sum(shares.values())) if total else None,
        shares=dict(sorted(shares.items())),
    )


def _costs(content: bytes, operations: list[dict[str, Any]]) -> dict[int, int]:
    """Count the multiply-adds of each operation by the index that the interpreter gives it."""
    graph = read_flatbuffer(content).subgraphs[0]
    pairs = zip(operations, graph.operators, strict=True)
    return {o["index"]: of_tflite(o["op_name"], operator, graph) or 0 for o, operator in pairs}


def _why(operation: dict[str, Any], types: dict[int, Any]) -> str:
    """Say why the delegate left an operation, as far as its types tell."""
    name = operation["op_name"]
    given, made = (np.dtype(types[int(operation[side][0])]).name for side in ("inputs", "outputs"))
    if name == "QUANTIZE" and given != made and "float32" not in (given, made):
        return f"XNNPACK has no conversion from {given} to {made}; the sign bit is flipped once"
    if "int16" in (given, made):
        return "XNNPACK has no kernels for int16; LiteRT's own do it"
    float_only = name in FOREIGN or (name in TFLITE and TFLITE[name].float_only)
    if float_only and given != "float32":
        return f"XNNPACK executes {name} in float32 only, not in {given}"
    return f"XNNPACK refused it for {given} to {made}; the interpreter does not say why"


def _interface(details: dict[str, Any]) -> Interface:
    scale, zero_point = details["quantization"]
    return Interface(
        shape=tuple(int(side) for side in details["shape"]),
        layout="NHWC",
        type=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )
