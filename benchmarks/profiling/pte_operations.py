"""Operations of a ``.pte``: those of its delegate with their cost, and those outside."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.profiling.operation_cost import OperationCost, kind_of
from common.errors import InputError
from convert.executorch.delegate import Delegate
from convert.graphs import pte as pte_graph
from convert.graphs.kinds import PTE, is_product
from convert.graphs.multiply_adds import of_pte
from convert.upstream import read_program

WIDTHS = {"fp32": 4, "fp16": 2, "int32": 4, "qint32": 4, "qcint32": 4}
"""Bytes of a value of XNNPACK's types without their prefix; 1 for all others."""


def pte_works(content: bytes) -> list[OperationCost]:
    """List the operations of a program's only delegate, in its order.

    Raises:
        InputError: if the program is not a single XNNPACK delegate.
    """
    delegate = Delegate(content)
    values = {number: tensor for number, (tensor, _) in delegate.values().items()}

    def shape(tensor: int) -> tuple[int, ...]:
        return tuple(int(side) for side in values[tensor]["dims"])

    def size(tensor: int) -> int:
        kind = values[tensor]["datatype"].removeprefix("xnn_datatype_")
        return math.prod(shape(tensor)) * WIDTHS.get(kind, 1)

    works = []
    for entry in delegate.graph["xnodes"]:
        name, node = entry["xnode_union_type"], entry["xnode_union"]
        output = node["output_id"]
        operands = (*pte_graph.OPERANDS, "filter_id", "bias_id")
        inputs = tuple(i for key in operands if (i := node.get(key, pte_graph.NO_VALUE)) in values)
        weight = shape(node["filter_id"]) if is_product(PTE, name) else None
        works.append(
            OperationCost(
                kind_of(PTE, name, weight[1:3] if weight else ()).removeprefix("xnn"),
                shape(output),
                of_pte(name, shape(output), weight),
                size(output) + sum(size(i) for i in set(inputs)),
                inputs,
                output,
            )
        )
    return works


def outside(content: bytes) -> list[str]:
    """Name the operations that a program executes outside its delegates, in order."""
    plan: Any = read_program(content).program.execution_plan[0]
    if not plan.chains:
        raise InputError("the program has no instructions; convert it anew")
    calls = (step.instr_args for chain in plan.chains for step in chain.instructions)
    return [plan.operators[call.op_index].name for call in calls if hasattr(call, "op_index")]
