"""Inspects a ``.pte``."""

from __future__ import annotations

import subprocess
from collections import Counter
from typing import Any

from common.errors import InputError
from convert.graphs.multiply_adds import of_kernel, of_pte
from convert.inspect.inspection import Contents, TensorInfo, counted
from convert.upstream import read_program
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


def read_contents(content: bytes) -> Contents:
    """Read what stands in a program and in its XNNPACK delegate.

    Raises:
        InputError: if it is no ExecuTorch program.
    """
    from executorch.exir.schema import DelegateCall, KernelCall, Tensor

    try:
        program = read_program(content).program
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
        operations=counted([*inside, *((name, of_kernel(name)) for name in outside.elements())]),
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


def _delegated(content: bytes) -> list[tuple[str, int | None]]:
    """List each operation inside the delegate and its multiply-adds."""
    from convert.executorch.delegate import Delegate

    delegate = Delegate(content)
    shapes = {number: plain["dims"] for number, (plain, _) in delegate.values().items()}
    found: list[tuple[str, int | None]] = []
    for entry in delegate.graph["xnodes"]:
        name, node = entry["xnode_union_type"], entry["xnode_union"]
        weight = shapes.get(node.get("filter_id"))
        found.append((name, of_pte(name, shapes[node["output_id"]], weight)))
    return found
