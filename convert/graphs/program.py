"""Reads the operations of a quantized program."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.fx import GraphModule, Node

from convert.graphs.kinds import TORCH, changes_no_value, graph_name, is_product
from convert.graphs.operation import Operand, Operation, Scheme, scheme, trace

# Operators by name: those of quantization exist only once torchao was imported.
QUANTIZE = "quantized_decomposed.quantize_per_tensor.default"
WEIGHTS = (
    "quantized_decomposed.dequantize_per_channel.default",
    "quantized_decomposed.quantize_per_channel.default",
)


def program_graph(module: GraphModule) -> Operand:
    """Trace a program's output, with all operations behind it."""
    nodes = list(module.graph.nodes)
    positions = {node: i for i, node in enumerate(nodes)}
    made: dict[Node, Operation] = {}

    def step(position: int) -> tuple[Scheme | None, int | None]:
        node = nodes[position]
        found = None
        if str(node.target) == QUANTIZE:
            found = scheme(node.args[1], node.args[2])
        return found, positions[node.args[0]] if _is_skipped(node) else None

    def operand(node: Node) -> Operand:
        position, schemes = trace(positions[node], step)
        return Operand(made[nodes[position]], schemes)

    for node in nodes:
        if node.op == "placeholder":
            made[node] = Operation(node.name, "input")
        elif node.op == "call_function" and not _is_skipped(node):
            made[node] = _operation(module, node)
            made[node].operands = [operand(n) for n in _operands(node)]
    for position in range(len(nodes)):
        first, _ = trace(position, step)
        if nodes[first] in made:
            made[nodes[first]].tensors.append(position)
    (output,) = nodes[-1].args[0]
    return operand(output)


def _is_skipped(node: Node) -> bool:
    return changes_no_value(TORCH, str(node.target))


def _operands(node: Node) -> list[Node]:
    taken = node.all_input_nodes
    if is_product(TORCH, str(node.target)):
        return taken[:1]
    return [n for n in taken if n.op != "get_attr"]


def _operation(module: GraphModule, node: Node) -> Operation:
    kind = graph_name(TORCH, str(node.target))
    if kind != "product":
        return Operation(node.name, kind)
    weight: Any = node.args[1]
    scales = None
    while str(weight.target) in WEIGHTS:
        scales = _value(module, weight.args[1])
        weight = weight.args[0]
    return Operation(str(weight.target).removesuffix(".weight"), kind, weights=scales)


def _value(module: GraphModule, node: Node) -> NDArray[np.float32]:
    tensor = operator.attrgetter(str(node.target))(module)
    values: NDArray[np.float32] = tensor.detach().numpy().astype(np.float32).reshape(-1)
    return values
