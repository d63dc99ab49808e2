"""Gives global averages scales that round alike on every processor.

An average of n codes is their sum, an integer, times input scale / (n · output scale). XNNPACK's
kernels do that in float32, each in an order of its own and some with the zero point within, so
that a product next to the middle between two codes goes up on one processor and down on another;
a map then differs visibly, since an average decides on a gate of the attention for a whole
channel. With a ratio of 2^k / q, k not negative and q odd, no product comes nearer to a middle
than 1 / 2q: if 2^k · s / q were m + 1/2, then 2^(k + 1) · s = q · (2m + 1), even on the left and
odd on the right. An output scale of that kind is always within 1/129 of the observed one.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import FixedQParamsObserver

LEAST = 128
"""No odd number is smaller. Most are no more than double, so that middles stay 1/512 away, where
float32 errs by some 1/5000; maps of more than a thousand positions may need a larger one."""


def settle_means(prepared: GraphModule) -> None:
    """Give global averages in int8 a scale near the observed one, replacing their observers.

    Args:
        prepared: a graph whose observers have seen the calibration photos.
    """
    for node in prepared.graph.nodes:
        if node.target != torch.ops.aten.mean.dim or list(node.args[1]) != [2, 3]:
            continue
        source, user = node.args[0], next(iter(node.users))
        before, after = _observer(prepared, source), _observer(prepared, user)
        if before is None or after is None or after.dtype != torch.int8:
            continue
        height, width = source.args[0].meta["val"].shape[2:]
        (given, _), (observed, zero_point) = before.calculate_qparams(), after.calculate_qparams()
        fixed = FixedQParamsObserver(
            scale=settled(float(given) / (height * width), float(observed)),
            zero_point=int(zero_point),
            dtype=after.dtype,
            qscheme=after.qscheme,
            quant_min=after.quant_min,
            quant_max=after.quant_max,
        )
        # Moves of the average, such as a reshape, share its observer.
        for name, part in list(prepared.named_modules(remove_duplicate=False)):
            if part is after:
                setattr(prepared, name, fixed)


def settled(step: float, scale: float) -> float:
    """Choose the scale nearest to the given one that is ``step`` * odd / 2^k, k >= 0.

    Args:
        step: input scale over the number of averaged values.
        scale: scale of the output, as observed.
    """
    exponent = min(0, math.floor(math.log2(scale / step / LEAST)))
    odd = 2 * math.floor(math.ldexp(scale / step, -exponent) / 2) + 1
    return math.ldexp(step * odd, exponent)


def _observer(prepared: GraphModule, node: Node) -> Any:
    """Return the observer that a node of the graph is, or None."""
    part = prepared.get_submodule(str(node.target)) if node.op == "call_module" else None
    return part if hasattr(part, "calculate_qparams") else None
