"""Cross-layer equalization and bias correction of the folded float network."""

from __future__ import annotations

import copy

import pytest
import torch

from common.errors import InputError
from quantize.batch_norm_folding import fold_batch_norm
from quantize.bias_correction import correct_biases
from quantize.calibration import normalize
from quantize.equalization import equalize
from quantize.recipes import quantized_weight
from samnet import load_checkpoint
from samnet.data.synthetic import scene
from samnet.networks.deployed import DeployedNetwork
from samnet.networks.layers import DSConv


@pytest.fixture(scope="module")
def network(taught):
    model = load_checkpoint(taught("stick_breaking")).model
    return fold_batch_norm(DeployedNetwork(model, 96))


@pytest.fixture(scope="module")
def inputs(taught):
    preprocessing = load_checkpoint(taught("stick_breaking")).preprocessing
    return [normalize(scene(seed)[0], preprocessing) for seed in range(4)]


def test_equalization_leaves_the_float_network_as_it_is(network, inputs):
    balanced = copy.deepcopy(network)
    pairs = [part for part in balanced.modules() if isinstance(part, DSConv)]
    assert equalize(balanced) == len(pairs) > 20
    with torch.no_grad():
        for x in inputs:
            assert torch.allclose(balanced(x), network(x), atol=1e-4)
    changed = [
        not torch.equal(a, b)
        for a, b in zip(balanced.parameters(), network.parameters(), strict=True)
    ]
    assert any(changed)


def test_equalized_channels_reach_equally_far_on_both_sides(network):
    balanced = copy.deepcopy(network)
    equalize(balanced)
    pair = balanced.encoder.stages[1][0]
    first = pair.depthwise.conv.weight.flatten(1).abs().amax(1)
    second = pair.pointwise.conv.weight.abs().amax(dim=(0, 2, 3))
    assert torch.allclose(first, second, rtol=1e-3)


def test_a_dead_channel_stays_finite(network):
    balanced = copy.deepcopy(network)
    pair = balanced.encoder.stages[1][0]
    with torch.no_grad():
        pair.depthwise.conv.weight[0] = 0
        pair.pointwise.conv.weight[:, 1] = 0
    equalize(balanced)
    assert all(torch.isfinite(p).all() for p in balanced.parameters())


def test_correction_removes_the_mean_error_of_rounded_weights(network, inputs):
    """In the first convolution, whose input no rounding has changed."""
    corrected = copy.deepcopy(network)
    assert correct_biases(corrected, inputs) > 20
    original, conv = network.encoder.stages[0][0].conv, corrected.encoder.stages[0][0].conv
    assert torch.equal(original.weight, conv.weight)

    def mean_error(bias):
        rounded = quantized_weight(original.weight)
        differences = [
            torch.nn.functional.conv2d(x, rounded, bias, conv.stride, conv.padding) - original(x)
            for x in inputs
        ]
        return torch.stack(differences).mean(dim=(0, 1, 3, 4)).abs().max().item()

    with torch.no_grad():
        assert mean_error(original.bias) > 1e-4
        assert mean_error(conv.bias) < 1e-6


def test_modules_in_float_are_not_corrected(network, inputs):
    corrected = copy.deepcopy(network)
    correct_biases(corrected, inputs, keep_float=("encoder",))
    before, after = dict(network.named_parameters()), dict(corrected.named_parameters())
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert "decoder" in changed and "encoder" not in changed


def test_values_that_are_not_finite_are_refused(network):
    with pytest.raises(InputError, match="not finite"):
        correct_biases(copy.deepcopy(network), [torch.full((1, 3, 96, 96), float("inf"))])
