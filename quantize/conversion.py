"""Converts a calibrated graph to a program: observers become quantization steps."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from common.errors import InputError
from quantize.global_averages import settle_means
from quantize.module_map import module_of

WEIGHTED = (torch.ops.aten.conv2d.default, torch.ops.aten.linear.default)
"""Operations with a weight, their second argument, and maybe a bias, their third."""

LARGEST_BIAS = 2**30
"""A bias's code, at most: runtimes add products to it in 32 bits."""

_QUANTIZED = ("quantized_decomposed.quantize_per_", "quantized_decomposed.dequantize_per_")


def convert(prepared: GraphModule, size: int) -> torch.export.ExportedProgram:
    """Turn observers into quantization steps and export the result for batch 1.

    Weights stay float with their quantization in the graph: litert-torch reads scales there.

    Raises:
        InputError: as :func:`check_ranges` and :func:`check_scales`.
    """
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e

    check_ranges(prepared)
    with torch.no_grad():
        settle_means(prepared)
        converted = convert_pt2e(prepared, fold_quantize=False)
        check_scales(converted)
        hold_biases(converted)
        round_biases(converted)
        return torch.export.export(converted, (torch.zeros(1, 3, size, size),))


def check_ranges(prepared: GraphModule) -> None:
    """Make sure that every observer saw values, and finite ones.

    Raises:
        InputError: if one did not.
    """
    for name, part in prepared.named_modules():
        low, high = getattr(part, "min_val", None), getattr(part, "max_val", None)
        if low is None or high is None:
            continue
        if not (torch.isfinite(low).all() and torch.isfinite(high).all()):
            raise InputError(
                f"{name}: observed values from {low.min().item()} to {high.max().item()}; the "
                "network gives values that are not finite on the calibration photos"
            )


def check_scales(converted: GraphModule) -> None:
    """Make sure that every scale is a positive finite number.

    Raises:
        InputError: if one is not.
    """
    for node in converted.graph.nodes:
        if not str(node.target).startswith(_QUANTIZED):
            continue
        scale = _value(converted, node.args[1])
        smallest, largest = float(torch.as_tensor(scale).min()), float(torch.as_tensor(scale).max())
        if not (smallest > 0 and math.isfinite(largest)):
            of = module_of(next(iter(node.users), node)) or module_of(node) or node.name
            raise InputError(
                f"{of}: a scale of {smallest if not smallest > 0 else largest}, expected a "
                "positive finite one; calibrate on other photos or train the checkpoint again"
            )


def hold_biases(converted: GraphModule) -> None:
    """Raise weights' scales, in place, where a bias would need a code above ``LARGEST_BIAS``.

    Such a channel has next to no weights, as pruning leaves them: its scale is the smallest there
    is, and what a larger one rounds away is far below a step of its output.
    """
    for bias, input_scale, weight_scales in _quantized_products(converted):
        least = bias.abs().double() / (input_scale * LARGEST_BIAS)
        weight_scales.copy_(torch.maximum(weight_scales, least.to(weight_scales.dtype)))


def round_biases(converted: GraphModule) -> None:
    """Round every bias to what the runtimes will make of it.

    They store biases as integers whose step is the product of the input's and the weight's
    scale. With that done here, a program computes in torch what its artifacts compute; unrounded
    biases tip one code in a thousand over, which sixty layers later is visible. Where input or
    weight is in float, so is the bias.
    """
    for bias, input_scale, weight_scales in _quantized_products(converted):
        bias.copy_(rounded_bias(bias, input_scale, weight_scales))


def _quantized_products(converted: GraphModule) -> Iterator[tuple[Tensor, float, Tensor]]:
    """List bias (C,), scale of the input and scales of the weight (C,) of every int8 product."""
    for node in converted.graph.nodes:
        if node.target not in WEIGHTED:
            continue
        bias = node.args[2] if len(node.args) > 2 else None
        if bias is None or not all("quantize" in str(given.target) for given in node.args[:2]):
            continue
        given, weight = node.args[:2]
        yield _value(converted, bias), given.args[1], _value(converted, weight.args[1])


def rounded_bias(bias: Tensor, input_scale: float, weight_scales: Tensor) -> Tensor:
    """Round a bias (C,) to a multiple of the product of both scales, the weight's being (C,)."""
    step = input_scale * weight_scales.double()
    return ((bias / step).round() * step).to(bias.dtype)


def _value(graph: GraphModule, given: Any) -> Any:
    """Return a number as it stands in the graph, or the tensor that a node names."""
    return operator.attrgetter(str(given.target))(graph) if isinstance(given, Node) else given
