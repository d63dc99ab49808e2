"""Inspects a ``.pte``."""

from __future__ import annotations

import math
import subprocess
from collections import Counter
from typing import Any

from common.errors import InputError
from convert.inspect.inspection import Contents, TensorInfo, counted
from edge_apps.manifest import Delegation

TYPES = {
    "byte": "uint8",
    "char": "int8",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "half": "float16",
    "float": "float32",
    "double": "float64",
}
"""What NumPy calls ExecuTorch's types that it has under other names."""


def read_pte(content: bytes) -> Contents:
    """Describe what stands in a program and in its XNNPACK delegate.

    Raises:
        InputError: if it is no ExecuTorch program.
    """
    from executorch.exir._serialize._program import deserialize_pte_binary
    from executorch.exir.schema import DelegateCall, KernelCall, Tensor

    try:
        program = deserialize_pte_binary(content).program
    except subprocess.CalledProcessError as error:
        raise InputError("its flatbuffer is damaged") from error
    plan = program.execution_plan[0]

    def info(index: int) -> TensorInfo:
        value: Any = plan.values[index].val
        if not isinstance(value, Tensor):
            return TensorInfo(str(index), (), type(value).__name__)
        kind = value.scalar_type.name.lower()
        return TensorInfo(str(index), tuple(value.sizes), TYPES.get(kind, kind))

    steps = [step.instr_args for chain in plan.chains for step in chain.instructions]
    outside = Counter(
        plan.operators[step.op_index].name.removeprefix("aten::")
        for step in steps
        if isinstance(step, KernelCall)
    )
    names = {delegate.id for delegate in plan.delegates}
    inside, notes = [], []
    if names == {"XnnpackBackend"} and len(plan.delegates) == 1:
        inside = _delegated(content)
    elif names:
        notes.append(f"operations inside {', '.join(sorted(names))} are not known")
    return Contents(
        inputs=tuple(info(i) for i in plan.inputs),
        outputs=tuple(info(i) for i in plan.outputs),
        operations=counted([*inside, *((name, _cost(name)) for name in outside.elements())]),
        delegation=Delegation(
            delegate=", ".join(sorted(names)) or "none",
            partitions=sum(isinstance(step, DelegateCall) for step in steps),
            inside=len(inside),
            outside=dict(sorted(outside.items())),
            reasons={},
        ),
        metadata={
            "version": program.version,
            "methods": [found.name for found in program.execution_plan],
        },
        notes=tuple(notes),
    )


def _cost(kernel: str) -> int | None:
    """Count the multiply-adds of a kernel outside the delegate; None where it may have some."""
    return None if any(word in kernel for word in ("conv", "linear", "mm", "::")) else 0


def _delegated(content: bytes) -> list[tuple[str, int | None]]:
    """List each operation inside the delegate and its multiply-adds."""
    from convert.executorch.delegate import Delegate

    graph = Delegate(content).graph
    shapes: dict[int, list[int]] = {}
    for entry in graph["xvalues"]:
        value = entry["xvalue_union"]
        plain = value.get("tensor_value", value)
        shapes[plain["id_out"]] = plain["dims"]
    found: list[tuple[str, int | None]] = []
    for entry in graph["xnodes"]:
        name, node = entry["xnode_union_type"], entry["xnode_union"]
        cost = 0
        if "filter_id" in node:
            weight = shapes[node["filter_id"]]
            # (O, H, W, I), (1, H, W, O) and (O, I).
            summed = weight[1:3] if "Depthwise" in name else weight[1:]
            cost = math.prod(shapes[node["output_id"]]) * math.prod(summed)
        found.append((name, cost))
    return found
