"""Rounds weights to seven bits, so that onnxruntime's sums are alike on every processor.

On x86 without VNNI, onnxruntime adds two products of a byte and a weight in 16 bits and cuts off
what lies beyond (VPMADDUBSW). With weights of -63 to 63 nothing does: 2 * 255 * 63 = 32130. The
other ways to that, weights stored as unsigned bytes or ``session.x64quantprecision``, take a
kernel that needs longer on every processor.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any

import torch

from edge_apps.backends.onnx import SEVEN_BITS
from quantize.recipes import WEIGHT_MAX

if TYPE_CHECKING:
    from torch.fx import Node

    from quantize.quantized_program import QuantizedProgram

SEVEN = 63
"""Largest code of a weight of seven bits."""

_DEPTHWISE = "depthwise convolutions keep eight bits: their products are summed in 32"

NOTE = f"{SEVEN_BITS}, exact on every processor; {_DEPTHWISE}"
"""What a file says of its weights."""


def with_seven_bits(program: QuantizedProgram) -> QuantizedProgram:
    """Round the weights of a program anew from their float values, to seven bits.

    Depthwise convolutions stay as they are, since onnxruntime adds their products in 32 bits.

    Args:
        program: it is left as it was.
    """
    exported = copy.deepcopy(program.exported)
    given: dict[str, str] = {
        **exported.graph_signature.inputs_to_buffers,
        **exported.graph_signature.inputs_to_lifted_tensor_constants,
    }
    for node in exported.graph.nodes:
        if not _quantizes_channels(node) or _is_depthwise(node):
            continue
        name = given[node.args[1].name]
        held = exported.state_dict if name in exported.state_dict else exported.constants
        held[name] = held[name] * (WEIGHT_MAX / SEVEN)
        for step in (node, *node.users):
            step.args = (*step.args[:4], -SEVEN, SEVEN, *step.args[6:])
    return dataclasses.replace(program, exported=exported)


def _quantizes_channels(node: Node) -> bool:
    return "quantized_decomposed.quantize_per_channel" in str(node.target)


def _is_depthwise(quantizes: Node) -> bool:
    """Tell whether each channel of a weight is multiplied with one channel of the input alone."""
    weight: Any = quantizes.args[0]
    shape = weight.meta["val"].shape
    (codes,) = quantizes.users
    for user in codes.users:
        if user.target == torch.ops.aten.conv2d.default and len(user.args) > 6:
            groups: Any = user.args[6]
            return bool(groups == shape[0] > 1 == shape[1])
    return False
