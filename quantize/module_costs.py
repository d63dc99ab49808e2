"""Multiply-adds and weights of the modules of a network."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from torch.fx import GraphModule, Node

from quantize.conversion import WEIGHTED
from quantize.module_map import inside, module_of


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one module, for one photo.

    Args:
        multiply_adds: multiply-adds of its convolutions and matrix products.
        weights: how many numbers they multiply with; as many bytes in int8, four times in float.
    """

    multiply_adds: int = 0
    weights: int = 0


def costs(graph: GraphModule, modules: Sequence[str]) -> dict[str, Cost]:
    """Compute the cost of each of the modules, from the shapes in a graph exported for batch 1."""
    found = dict.fromkeys(modules, Cost())
    for node in graph.graph.nodes:
        module = inside(module_of(node), modules)
        if module is None or node.target not in WEIGHTED:
            continue
        # The weight stands behind its observer.
        weight = node.args[1] if node.args[1].op == "get_attr" else node.args[1].args[0]
        size = math.prod(_shape(weight))
        positions = math.prod(_shape(node)) // _shape(weight)[0]
        before = found[module]
        found[module] = Cost(before.multiply_adds + size * positions, before.weights + size)
    return found


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(node.meta["val"].shape)
