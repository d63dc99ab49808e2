"""Counts parameters and multiply-adds of a network."""

from __future__ import annotations

import copy

import torch
from torch import nn
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
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        counted.maps(torch.zeros(1, 3, size, size, device="meta"))
    return int(counter.get_total_flops()) // 2
