"""Branches are mixed in a training step as everywhere else, forward and backward."""

from __future__ import annotations

import pytest
import torch

from samnet.networks import branch_mixing
from samnet.networks.attention import softmax_mix, stick_breaking_mix
from samnet.networks.branch_mixing import softmax_product_mix, stick_breaking_product_mix

CASES = {
    "softmax": (softmax_mix, softmax_product_mix, 0),
    "stick_breaking": (stick_breaking_mix, stick_breaking_product_mix, 1),
}
"""The plain mix, the one of a training step, and how many branches need no logit."""


def drawn(spare, branches=4, n=3, c=5, size=(7, 6)):
    """Features, d and s of a SAM module."""
    torch.manual_seed(0)
    f64 = {"dtype": torch.float64, "requires_grad": True}
    features = [torch.randn(n, *size, c, **f64) for _ in range(branches)]
    d = [torch.randn(n, c, 1, 1, **f64) for _ in range(branches - spare)]
    s = [torch.randn(n, 1, *size, **f64) for _ in range(branches - spare)]
    return features, d, s


def gradients(mix, features, d, s):
    last = [feature.permute(0, 3, 1, 2) for feature in features]
    mixed = mix(last, d, s)
    torch.manual_seed(1)
    return mixed, *torch.autograd.grad(
        mixed, [*features, *d, *s], torch.randn(mixed.shape, dtype=torch.float64)
    )


@pytest.mark.parametrize("attention", CASES)
@pytest.mark.parametrize("values", [1, 1 << 18])
@pytest.mark.parametrize("branches", [2, 4])
def test_values_and_gradients_are_those_of_the_plain_mix(attention, values, branches, monkeypatch):
    monkeypatch.setattr(branch_mixing, "VALUES", values)
    plain, fast, spare = CASES[attention]
    drawings = drawn(spare, branches)

    def products(features, d, s):
        return plain(features, [a * b for a, b in zip(d, s, strict=True)])

    expected, found = gradients(products, *drawings), gradients(fast, *drawings)
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(b, a, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("attention", CASES)
def test_gradcheck(attention):
    _, fast, spare = CASES[attention]
    features, d, s = drawn(spare, 3, 2, 2, (3, 2))

    def flat(*tensors):
        return fast(
            [x.permute(0, 3, 1, 2) for x in tensors[:3]],
            tensors[3 : 3 + len(d)],
            tensors[3 + len(d) :],
        )

    assert torch.autograd.gradcheck(flat, (*features, *d, *s))


def test_large_logits_do_not_overflow():
    features, d, s = drawn(0)
    d = [(1e4 * x).detach().requires_grad_() for x in d]
    for value in gradients(softmax_product_mix, features, d, s):
        assert torch.isfinite(value).all()


def test_a_map_that_branches_share_gets_the_sum_of_their_gradients():
    features, d, s = drawn(0)
    last = [feature.permute(0, 3, 1, 2) for feature in features]
    once = torch.autograd.grad(softmax_product_mix(last, d, [s[0]] * 4).square().sum(), s[0])[0]

    def plain():
        return softmax_mix(last, [x * s[0] for x in d])

    expected = torch.autograd.grad(plain().square().sum(), s[0])[0]
    torch.testing.assert_close(once, expected)
