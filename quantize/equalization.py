"""Cross-layer equalization (Nagel et al. 2019, https://arxiv.org/abs/1906.04721, section 4.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from samnet.networks.layers import DSConv

LIMIT = 1e4
"""Bounds the factors: a channel that is all but dead would otherwise ask for any."""


def equalize(network: nn.Module) -> int:
    """Balance the weights of every depthwise convolution with those of its pointwise one.

    Between the two stands a ReLU, which lets positive factors through: channel c is divided by
    s_c in the first and multiplied by s_c in the second, s_c = sqrt(r1_c / r2_c), where r1 and r2
    are the largest weights of c in either (Eq. 11). What the network computes in float stays the
    same.

    Args:
        network: network with batch normalization folded; it is changed.

    Returns:
        How many pairs were balanced.
    """
    pairs = [part for part in network.modules() if isinstance(part, DSConv)]
    for pair in pairs:
        _balance(pair.depthwise.conv, pair.pointwise.conv)
    return len(pairs)


def _balance(first: nn.Conv2d, second: nn.Conv2d) -> None:
    with torch.no_grad():
        factors = _factors(first.weight, second.weight)
        first.weight.div_(factors[:, None, None, None])
        if first.bias is not None:
            first.bias.div_(factors)
        second.weight.mul_(factors[None, :, None, None])


def _factors(first: Tensor, second: Tensor) -> Tensor:
    """Compute the factor s of each channel from weights (C, 1, k, k) and (O, C, 1, 1): (C,)."""
    r1, r2 = first.flatten(1).abs().amax(1), second.abs().amax(dim=(0, 2, 3))
    factors = (r1 / r2).sqrt().clamp(1 / LIMIT, LIMIT)
    # A channel without weights on one side is computed for nothing; it stays as it is.
    return torch.where((r1 > 0) & (r2 > 0), factors, torch.ones_like(factors))
