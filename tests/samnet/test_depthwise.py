"""Depthwise convolutions compute what torch's do, gradients included; graphs do not see them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samnet.networks.attention import SAM
from samnet.networks.depthwise import DepthwiseConv2d, in_training_step
from samnet.networks.layers import ConvBN, DSConv

LAST = torch.channels_last


def plain(conv):
    """torch's own convolution with the same weights."""
    other = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        padding=conv.padding,
        dilation=conv.dilation,
        groups=conv.groups,
        bias=False,
    )
    other.load_state_dict(conv.state_dict())
    return other.to(conv.weight.dtype)


@pytest.mark.parametrize(("kernel", "dilation"), [(3, 2), (3, 3), (3, 4), (5, 1), (5, 2), (7, 2)])
@pytest.mark.parametrize("size", [(12, 12), (13, 7), (5, 18), (2, 3)])
def test_gradients_are_those_of_torch(kernel, dilation, size):
    torch.manual_seed(0)
    conv = DepthwiseConv2d(6, kernel, dilation).double()
    x = torch.randn(3, 6, *size, dtype=torch.float64).contiguous(memory_format=LAST)
    x.requires_grad_()
    assert in_training_step(x)
    theirs = plain(conv)
    expected, found = theirs(x), conv(x)
    assert torch.equal(expected, found)
    weights = torch.randn_like(found)
    for a, b in zip(
        torch.autograd.grad(expected, [x, theirs.weight], weights),
        torch.autograd.grad(found, [x, conv.weight], weights),
        strict=True,
    ):
        torch.testing.assert_close(b, a, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("dilation", [2, 3])
def test_gradients_hold_in_single_precision(dilation):
    torch.manual_seed(0)
    conv = DepthwiseConv2d(16, 3, dilation)
    x = torch.randn(4, 16, 31, 24).contiguous(memory_format=LAST).requires_grad_()
    theirs = plain(conv)
    weights = torch.randn(4, 16, 31, 24)
    expected = torch.autograd.grad(theirs(x), [x, theirs.weight], weights)
    found = torch.autograd.grad(conv(x), [x, conv.weight], weights)
    for a, b in zip(expected, found, strict=True):
        assert (a - b).abs().max() <= 1e-5 * a.abs().max()


@pytest.mark.parametrize(("kernel", "dilation"), [(3, 2), (5, 2), (5, 1)])
def test_gradcheck(kernel, dilation):
    torch.manual_seed(0)
    conv = DepthwiseConv2d(2, kernel, dilation).double()
    x = torch.randn(2, 2, 5, 7, dtype=torch.float64).contiguous(memory_format=LAST)
    assert torch.autograd.gradcheck(conv, x.requires_grad_())
    weight = conv.weight.detach().clone().requires_grad_()

    def of_weight(weight):
        return torch.func.functional_call(conv, {"weight": weight}, x)

    assert torch.autograd.gradcheck(of_weight, weight)


def test_only_a_training_step_takes_the_other_way(monkeypatch):
    def never(*_):
        raise AssertionError("took the way of a training step")

    conv = DepthwiseConv2d(4, 3, 2)
    x = torch.randn(1, 4, 9, 9).contiguous(memory_format=LAST)
    monkeypatch.setattr("samnet.networks.depthwise._Depthwise.apply", never)
    conv(x)  # no gradient is asked for
    channels_first = x.contiguous(memory_format=torch.contiguous_format).requires_grad_()
    conv(channels_first)
    last = x.clone(memory_format=torch.preserve_format).requires_grad_()
    with torch.no_grad():
        conv.eval()(last)
    conv.eval()(last)
    with pytest.raises(AssertionError, match="took the way"):
        conv.train()(last)


def old_forms(model):
    """The same network of torch's own modules, called one after the other."""
    for part in model.modules():
        for name, child in part.named_children():
            if isinstance(child, DepthwiseConv2d):
                setattr(part, name, plain(child))
    return model


@pytest.mark.parametrize("attention", ["softmax", "stick_breaking"])
@pytest.mark.parametrize("training", [False, True])
def test_exported_graphs_are_those_of_torchs_modules(attention, training, monkeypatch):
    graphs = []
    x = torch.randn(2, 3, 8, 8).contiguous(memory_format=LAST)
    for change in (lambda model: model, old_forms):
        model = nn.Sequential(DSConv(3, 4, 5, dilation=2), SAM(4, (1, 2), attention, "per_branch"))
        model = change(model).to(memory_format=LAST).train(training)
        graphs.append(str(torch.export.export(model, (x,)).graph))
        monkeypatch.setattr(ConvBN, "forward", nn.Sequential.forward)
    assert graphs[0] == graphs[1]
    assert "conv2d" in graphs[0] and "relu_.default" not in graphs[0]


def layers_of_a_step(attention, layout):
    torch.manual_seed(0)
    sam = SAM(8, (1, 2, 3), attention, "per_branch").double().train()
    x = torch.randn(3, 8, 14, 11, dtype=torch.float64).contiguous(memory_format=layout)
    result = sam(x.requires_grad_())
    torch.manual_seed(1)
    weights = torch.randn(result.shape, dtype=torch.float64)
    return result, *torch.autograd.grad(result, [x, *sam.parameters()], weights)


@pytest.mark.parametrize("attention", ["softmax", "stick_breaking", "none", "channel", "spatial"])
def test_a_module_learns_the_same_in_either_layout(attention):
    expected = layers_of_a_step(attention, torch.contiguous_format)
    found = layers_of_a_step(attention, LAST)
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(b, a, atol=1e-9, rtol=1e-9)
