"""Multiply-adds and weights of the modules of a network."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from torch.fx import GraphModule

from quantize.conversion import WEIGHTED
from quantize.module_map import inside, module_of
from samnet.networks.cost import of_product, weight_shape


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
        before, size = found[module], math.prod(weight_shape(node.args[1]))
        found[module] = Cost(before.multiply_adds + of_product(node), before.weights + size)
    return found
