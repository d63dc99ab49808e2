"""Exponential moving average of weights during training."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

Weights = tuple[Tensor, ...] | list[Tensor]


def moving_average(decay: float) -> Callable[[Weights, Weights, Tensor | int], None]:
    """Average exponentially, following faster at first: early weights are poor."""

    def update(averaged: Weights, current: Weights, count: Tensor | int) -> None:
        ramp = (1 + int(count)) / (10 + int(count))
        get_ema_multi_avg_fn(min(decay, ramp))(averaged, current, count)

    return update
