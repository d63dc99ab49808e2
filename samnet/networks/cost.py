"""Counts parameters and multiply-adds of a network."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.fx import Node
from torch.utils.flop_counter import FlopCounterMode

from samnet.networks.base import SaliencyNetwork

PAPER_SIZE = 336
"""Height and width in pixels at which the paper counts multiply-adds."""


def parameters(module: nn.Module) -> int:
    """Count the numbers that are learned."""
    return sum(p.numel() for p in module.parameters())


def multiply_adds(model: SaliencyNetwork, size: int = PAPER_SIZE) -> int:
    """Count the multiply-adds of all maps of a photo (1, 3, size, size), convolutions and products.

    The side maps are included, as in the paper's count; they are a few in ten thousand.
    """
    # Shapes are enough to count: on the meta device nothing is computed.
    counted = copy.deepcopy(model).eval().to("meta")
    return of_call(counted.maps, torch.zeros(1, 3, size, size, device="meta"))


def of_call(run: Callable[..., Any], *inputs: torch.Tensor) -> int:
    """Count the multiply-adds of convolutions and products while something runs.

    Args:
        run: function that is called with the inputs.
        inputs: tensors; on the meta device, like what runs, shapes are enough.
    """
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run(*inputs)
    return int(counter.get_total_flops()) // 2


def of_product(node: Node) -> int:
    """Count the multiply-adds of a convolution or matrix product in an exported graph.

    Args:
        node: node that knows the shape of its result.
    """
    # In the order of their arguments: addmm has the sum first.
    matrix = re.search(r"aten\.(addmm|bmm|mm)\.", str(node.target))
    weight: Any = node.args[2 if matrix and matrix.group(1) == "addmm" else 1]
    made, shape = math.prod(node.meta["val"].shape), weight_shape(weight)
    return int(made * (shape[-2] if matrix else math.prod(shape[1:])))


def weight_shape(weight: Node) -> tuple[int, ...]:
    """Return the shape of a weight, which may stand behind its observer."""
    held: Any = weight if "val" in weight.meta else weight.args[0]
    return tuple(held.meta["val"].shape)
