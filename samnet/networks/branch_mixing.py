"""Mixes the branches of a SAM module, with fast gradients in training steps on a CPU.

:func:`samnet.networks.attention.softmax_mix` and
:func:`samnet.networks.attention.stick_breaking_mix` say what is computed, one operation
after the other. A step would then write and read some sixty tensors of the size of the features.
The functions here compute the same, forward and backward, from few photos at a time, so that what
lies between stays in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor

VALUES = 1 << 18
"""Values of a branch that are mixed at a time; a photo at least."""

Gradients = tuple[Tensor, ...]


def softmax_product_mix(
    features: Sequence[Tensor], d: Sequence[Tensor], s: Sequence[Tensor]
) -> Tensor:
    """Weigh the branches by a softmax over d * s (Eq. 5, 13, 14).

    Args:
        features: one (N, C, H, W) a branch, channels last.
        d: one (N, C, 1, 1) a branch.
        s: one (N, 1, H, W) a branch.

    Returns:
        (N, C, H, W), the weighted sum.
    """
    return _channels_first(_SoftmaxMix.apply(*_stacked(d, s), *map(_channels_last, features)))


def stick_breaking_product_mix(
    features: Sequence[Tensor], d: Sequence[Tensor], s: Sequence[Tensor]
) -> Tensor:
    """Weigh the branches by a chain of gates sigmoid(d * s); d and s lack the last branch.

    Args and result otherwise as of :func:`softmax_product_mix`.
    """
    return _channels_first(_StickBreakingMix.apply(*_stacked(d, s), *map(_channels_last, features)))


class _SoftmaxMix(torch.autograd.Function):
    """d (B, N, 1, 1, C), s (B, N, H, W, 1) and B features (N, H, W, C) to (N, H, W, C)."""

    @staticmethod
    def forward(ctx: Any, d: Tensor, s: Tensor, *features: Tensor) -> Tensor:
        mixed = torch.empty_like(features[0])
        ctx.weights = []
        for some in _parts(mixed):
            weights = torch.softmax(d[:, some] * s[:, some], 0)
            into = torch.mul(weights[0], features[0][some], out=mixed[some])
            for weight, feature in zip(weights[1:], features[1:], strict=True):
                into.addcmul_(weight, feature[some])
            ctx.weights.append(weights)
        ctx.save_for_backward(d, s, mixed, *features)
        return mixed

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        d, s, mixed, *features = ctx.saved_tensors
        of_features = [torch.empty_like(feature) for feature in features]
        of_d, of_s = torch.empty_like(d), torch.empty_like(s)
        for some, weights in zip(_parts(mixed), ctx.weights, strict=True):
            of_logits = torch.empty_like(weights)
            for i, feature in enumerate(features):
                of_feature = torch.mul(weights[i], gradient[some], out=of_features[i][some])
                torch.sub(feature[some], mixed[some], out=of_logits[i]).mul_(of_feature)
            of_d[:, some], of_s[:, some] = _of_factors(of_logits, d[:, some], s[:, some])
        return of_d, of_s, *of_features


class _StickBreakingMix(torch.autograd.Function):
    """d (B, N, 1, 1, C), s (B, N, H, W, 1) and B + 1 features (N, H, W, C) to (N, H, W, C)."""

    @staticmethod
    def forward(ctx: Any, d: Tensor, s: Tensor, *features: Tensor) -> Tensor:
        result = torch.empty_like(features[0])
        ctx.gates, ctx.steps = [], []
        for some in _parts(result):
            gates = torch.sigmoid_(d[:, some] * s[:, some])
            steps = torch.empty_like(gates)
            mixed = features[-1][some]
            for gate, feature, step in zip(gates, features[:-1], steps, strict=True):
                torch.sub(feature[some], mixed, out=step)
                mixed = torch.addcmul(mixed, gate, step)
            result[some] = mixed
            ctx.gates.append(gates)
            ctx.steps.append(steps)
        ctx.save_for_backward(d, s, *features)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        d, s, *features = ctx.saved_tensors
        of_features = [torch.empty_like(feature) for feature in features]
        of_d, of_s = torch.empty_like(d), torch.empty_like(s)
        parts = zip(_parts(gradient), ctx.gates, ctx.steps, strict=True)
        for some, gates, steps in parts:
            of_logits = torch.empty_like(gates)
            of_mixed = gradient[some]
            for i in reversed(range(len(gates))):
                of_gate = of_mixed * steps[i]
                of_logits[i] = torch.ops.aten.sigmoid_backward(of_gate, gates[i])
                of_feature = torch.mul(gates[i], of_mixed, out=of_features[i][some])
                of_mixed = of_mixed - of_feature
            of_features[-1][some] = of_mixed
            of_d[:, some], of_s[:, some] = _of_factors(of_logits, d[:, some], s[:, some])
        return of_d, of_s, *of_features


def _of_factors(of_logits: Tensor, d: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """Compute gradients of d and s from those of d * s, (B, n, H, W, C), as matrix products."""
    b, n, h, w, c = of_logits.shape
    rows = of_logits.view(b * n, h * w, c)
    of_d = torch.bmm(s.reshape(b * n, 1, h * w), rows)
    of_s = torch.bmm(rows, d.reshape(b * n, c, 1))
    return of_d.view(b, n, 1, 1, c), of_s.view(b, n, h, w, 1)


def _parts(x: Tensor) -> Iterator[slice]:
    """Split the photos of (N, H, W, C) into those that are mixed at a time."""
    step = max(1, VALUES // x[0].numel())
    return (slice(start, start + step) for start in range(0, len(x), step))


def _stacked(d: Sequence[Tensor], s: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    return torch.stack([_channels_last(x) for x in d]), torch.stack([_channels_last(x) for x in s])


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _channels_first(x: object) -> Tensor:
    return cast(Tensor, x).permute(0, 3, 1, 2)
