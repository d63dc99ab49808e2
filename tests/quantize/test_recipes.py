"""Which op of a quantized program got which scheme."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from common.errors import InputError
from edge_apps.maps.coding import LOGITS
from quantize.calibration import calibration_set, normalize
from quantize.global_averages import settled
from quantize.module_map import inside, module_of
from quantize.ptq import post_training_quantize
from quantize.quantizer import INPUT_SCALE
from quantize.recipes import DYNAMIC_WI8_AFP32, RECIPES, STATIC_WI8_AI8, STATIC_WI8_AI16
from quantize.split_concat import sum_parts
from samnet import load_checkpoint
from samnet.data.synthetic import scene
from samnet.networks.deployed import DeployedNetwork

QUANTIZED = torch.ops.quantized_decomposed
DEQUANTIZE = {QUANTIZED.dequantize_per_tensor.default, QUANTIZED.dequantize_per_channel.default}
SIGMOID = torch.ops.aten.sigmoid.default
FLOAT = ("aten.exp.default", "aten.maximum.default", "aten.div.Tensor")


def graph(program):
    return program.exported.graph_module.graph


def calls(program, name):
    return [n for n in graph(program).nodes if str(n.target) == name]


def in_float(node):
    """Whether an activation that the node computes with was not quantized."""
    sources = [n for n in node.all_input_nodes if n.op != "placeholder"]
    return any(n.target not in DEQUANTIZE for n in sources)


@pytest.mark.parametrize("attention", ["stick_breaking", "softmax"])
def test_input_and_output_have_their_fixed_scales(quantized, attention):
    nodes = graph(quantized(attention)).nodes
    photo = next(n for n in nodes if n.op == "placeholder" and n.users and "x" in n.name[:1])
    (first,) = photo.users
    assert first.args[1:5] == (INPUT_SCALE, 0, -128, 127)
    last = next(iter(reversed(nodes))).args[0][0]
    assert last.args[1:5] == (1 / 16, 0, -128, 127)


@pytest.mark.parametrize("attention", ["stick_breaking", "softmax"])
def test_weights_are_symmetric_with_a_scale_a_channel(quantized, attention):
    program = quantized(attention)
    steps = calls(program, "quantized_decomposed.quantize_per_channel.default")
    weighted = [n for kind in ("conv2d", "linear") for n in calls(program, f"aten.{kind}.default")]
    assert len(steps) == len(weighted) > 50
    for step in steps:
        assert step.args[3:6] == (0, -127, 127)
    for conv in weighted:
        assert conv.args[1].target == QUANTIZED.dequantize_per_channel.default


def test_nothing_of_stick_breaking_stays_in_float(quantized):
    program = quantized("stick_breaking")
    computing = [n for n in graph(program).nodes if str(n.target).startswith("aten.")]
    # A ReLU takes what its convolution gives: the runtimes execute both as one.
    left = [n for n in computing if in_float(n) and n.target != torch.ops.aten.relu.default]
    assert not left


def test_only_the_softmax_stays_in_float(quantized):
    program = quantized("softmax")
    softmax = [n for op in FLOAT for n in calls(program, op)]
    assert softmax and all(in_float(n) for n in softmax)
    heavy = ["aten.conv2d.default", "aten.linear.default", "aten.mean.dim", "aten.sigmoid.default"]
    assert not any(in_float(n) for name in heavy for n in calls(program, name))


def test_resizing_keeps_the_scale(quantized):
    resizes = calls(quantized("stick_breaking"), "aten.upsample_bilinear2d.vec")
    assert resizes
    for resize in resizes:
        (after,) = resize.users
        assert after.args[1:3] == resize.args[0].args[1:3]


KEPT = ("decoder.fusions.1", "encoder.stages.1.1")


@pytest.fixture(scope="module")
def variant(taught, quantized):
    """A program of the taught network with a recipe."""

    @functools.cache
    def make(recipe):
        if recipe == STATIC_WI8_AI8:
            return quantized("stick_breaking")
        photos = calibration_set([scene(seed)[0] for seed in range(16)], 16, 96)
        return post_training_quantize(
            load_checkpoint(taught("stick_breaking")), photos, recipe=recipe
        )

    return make


def difference(program, taught):
    """Of its maps from the float network's, on average, in steps of 1/255."""
    checkpoint = load_checkpoint(taught("stick_breaking"))
    network = DeployedNetwork(checkpoint.model, 96).eval()
    found = []
    for seed in (100, 101, 102):
        photo = scene(seed)[0]
        with torch.no_grad():
            logits = network(normalize(photo, checkpoint.preprocessing))[0, 0]
        expected = 255 * torch.sigmoid(logits).numpy()
        saliency_map = LOGITS.probabilities(program.run(photo))
        found.append(np.abs(saliency_map - expected).mean())
    return np.mean(found)


@pytest.mark.parametrize("recipe", [STATIC_WI8_AI16, DYNAMIC_WI8_AFP32])
def test_finer_activations_are_closer_to_float(variant, taught, recipe):
    whole = difference(variant(STATIC_WI8_AI8), taught)
    assert difference(variant(recipe), taught) < 0.75 * whole


def test_sixteen_bit_activations_have_zero_point_zero(variant):
    program = variant(STATIC_WI8_AI16)
    steps = calls(program, "quantized_decomposed.quantize_per_tensor.default")
    assert len(steps) > 50
    assert {step.args[2:] for step in steps} == {(0, -32768, 32767, torch.int16)}
    assert not [n for n in graph(program).nodes if n.target == SIGMOID and in_float(n)]


def test_only_sixteen_bits_sum_the_parts_of_a_concatenation(variant):
    assert len(calls(variant(STATIC_WI8_AI8), "aten.cat.default")) == 1
    assert not calls(variant(STATIC_WI8_AI16), "aten.cat.default")
    counts = [
        len(calls(variant(recipe), "aten.conv2d.default"))
        for recipe in (STATIC_WI8_AI8, STATIC_WI8_AI16)
    ]
    # The pyramid's input and its four levels in place of all five at once.
    assert counts[1] == counts[0] + 4


def test_the_sum_of_the_parts_is_the_convolution_of_the_whole(taught):
    checkpoint = load_checkpoint(taught("stick_breaking"))
    network = DeployedNetwork(checkpoint.model, 96).eval()
    x = normalize(scene(100)[0], checkpoint.preprocessing)
    with torch.no_grad():
        module = torch.export.export(network, (x,)).module()
        expected = module(x)
        sum_parts(module)
        assert "cat" not in module.code
        assert torch.allclose(module(x), expected, atol=1e-5)


def test_weights_alone_are_quantized_where_activations_are_float(variant):
    program = variant(DYNAMIC_WI8_AFP32)
    assert not calls(program, "quantized_decomposed.quantize_per_tensor.default")
    convolutions = calls(program, "aten.conv2d.default")
    assert len(convolutions) > 50
    assert all(n.args[1].target in DEQUANTIZE for n in convolutions)


def test_named_modules_stay_in_float(variant, taught):
    recipe = STATIC_WI8_AI8.keeping(KEPT)
    program = variant(recipe)
    assert program.info.recipe == f"static_wi8_ai8+float({KEPT[0]},{KEPT[1]})"
    counted = {True: 0, False: 0}
    for node in calls(program, "aten.conv2d.default"):
        kept = inside(module_of(node), KEPT) is not None
        counted[kept] += 1
        assert (node.args[1].target in DEQUANTIZE) != kept
    assert min(counted.values()) > 3
    # Inside of a module nothing is rounded: its pointwise convolution takes floats.
    pointwise = [
        node
        for node in calls(program, "aten.conv2d.default")
        if module_of(node) == "decoder.fusions.1.pointwise.conv"
    ]
    assert len(pointwise) == 1 and in_float(pointwise[0])
    assert difference(program, taught) < 12


def test_the_order_of_kept_modules_does_not_matter():
    assert STATIC_WI8_AI8.keeping(KEPT[::-1] + KEPT) == STATIC_WI8_AI8.keeping(KEPT)
    assert str(STATIC_WI8_AI8.keeping(())) == "static_wi8_ai8"
    assert {str(recipe) for recipe in RECIPES.values()} == set(RECIPES)


def test_an_unknown_module_is_refused_with_the_nearest(variant):
    with pytest.raises(InputError, match=r"'decoder\.fusion\.0'.*'decoder\.fusions\.0'"):
        variant(STATIC_WI8_AI8.keeping(("decoder.fusion.0",)))


def test_no_average_comes_near_the_middle_between_two_codes(quantized):
    means = calls(quantized("stick_breaking"), "aten.mean.dim")
    assert len(means) == 5
    for mean in means:
        (given,), (step,) = mean.all_input_nodes, mean.users
        height, width = given.meta["val"].shape[2:]
        ratio = np.float32(given.args[1]) / np.float32(step.args[1]) / np.float32(height * width)
        sums = np.arange(-255 * height * width, 255 * height * width)
        averages = sums * np.float64(ratio)
        inside = averages[np.abs(averages) < 256]
        assert len(inside) > 256
        assert np.abs(inside - np.floor(inside) - 0.5).min() > 1 / 600


@pytest.mark.parametrize("scale", [1e-4, 0.0085, 0.3, 1.0])
@pytest.mark.parametrize("positions", [9, 36, 576, 1764])
def test_settled_scales_are_near_the_observed_ones(positions, scale):
    step = 0.05 / positions
    found = settled(step, scale)
    assert found == pytest.approx(scale, rel=1 / 129)
    # An odd number over a power of two: its numerator in lowest terms is odd, and so is 1 / 2^k.
    numerator, denominator = (found / step).as_integer_ratio()
    assert numerator % 2 == 1 and numerator >= 129 and denominator & (denominator - 1) == 0
