"""Which op of a quantised program got which scheme."""

from __future__ import annotations

import pytest
import torch

from quantize.recipe import INPUT_SCALE, OUTPUT_SCALE, OUTPUT_ZERO_POINT

QUANTIZED = torch.ops.quantized_decomposed
DEQUANTIZE = {QUANTIZED.dequantize_per_tensor.default, QUANTIZED.dequantize_per_channel.default}
FLOAT = ("aten.exp.default", "aten.maximum.default", "aten.div.Tensor")


def graph(program):
    return program.exported.graph_module.graph


def calls(program, name):
    return [n for n in graph(program).nodes if str(n.target) == name]


def in_float(node):
    """Whether an activation that the node computes with was not quantised."""
    sources = [n for n in node.all_input_nodes if n.op != "placeholder"]
    return any(n.target not in DEQUANTIZE for n in sources)


@pytest.mark.parametrize("attention", ["stick_breaking", "softmax"])
def test_input_and_output_have_their_fixed_scales(quantised, attention):
    nodes = graph(quantised(attention)).nodes
    photo = next(n for n in nodes if n.op == "placeholder" and n.users and "x" in n.name[:1])
    (first,) = photo.users
    assert first.args[1:5] == (INPUT_SCALE, 0, -128, 127)
    last = next(iter(reversed(nodes))).args[0][0]
    assert last.args[1:5] == (OUTPUT_SCALE, OUTPUT_ZERO_POINT, -128, 127)


@pytest.mark.parametrize("attention", ["stick_breaking", "softmax"])
def test_weights_are_symmetric_with_a_scale_a_channel(quantised, attention):
    program = quantised(attention)
    steps = calls(program, "quantized_decomposed.quantize_per_channel.default")
    weighted = [n for kind in ("conv2d", "linear") for n in calls(program, f"aten.{kind}.default")]
    assert len(steps) == len(weighted) > 50
    for step in steps:
        assert step.args[3:6] == (0, -127, 127)
    for conv in weighted:
        assert conv.args[1].target == QUANTIZED.dequantize_per_channel.default


def test_nothing_of_stick_breaking_stays_in_float(quantised):
    program = quantised("stick_breaking")
    computing = [n for n in graph(program).nodes if str(n.target).startswith("aten.")]
    # A ReLU takes what its convolution gives: the runtimes execute both as one.
    left = [n for n in computing if in_float(n) and n.target != torch.ops.aten.relu.default]
    assert not left


def test_only_the_softmax_stays_in_float(quantised):
    program = quantised("softmax")
    softmax = [n for op in FLOAT for n in calls(program, op)]
    assert softmax and all(in_float(n) for n in softmax)
    heavy = ["aten.conv2d.default", "aten.linear.default", "aten.mean.dim", "aten.sigmoid.default"]
    assert not any(in_float(n) for name in heavy for n in calls(program, name))


def test_resizing_keeps_the_scale(quantised):
    resizes = calls(quantised("stick_breaking"), "aten.upsample_bilinear2d.vec")
    assert resizes
    for resize in resizes:
        (after,) = resize.users
        assert after.args[1:3] == resize.args[0].args[1:3]
