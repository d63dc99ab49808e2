"""Finds the first operation of a quantized graph whose values are not finite."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node

from quantize.module_map import module_of


def first_nonfinite(graph: GraphModule, x: Tensor) -> str:
    """Find the first weight, or else the first operation, that is not finite for an input.

    Args:
        graph: a network in training.
        x: (N, 3, S, S), its input.

    Returns:
        Its name; empty if everything is finite.
    """
    for name, weight in graph.named_parameters():
        if not torch.isfinite(weight).all():
            return name
    search = _Search(graph)
    # Fake quantization refuses what is not finite, by which time the search has found it.
    with torch.no_grad(), contextlib.suppress(RuntimeError):
        search.run(x)
    return search.found


class _Search(Interpreter):
    """Runs a graph and keeps the name of the first node that gives anything not finite."""

    found = ""

    def run_node(self, n: Node) -> Any:
        result = super().run_node(n)
        if not self.found and isinstance(result, Tensor) and not torch.isfinite(result).all():
            of = module_of(n)
            self.found = f"{of} ({n.name})" if of else n.name
        return result
