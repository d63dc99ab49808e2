"""Finds the first weight, activation or gradient that is not finite."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def first_not_finite(module: nn.Module, run: Callable[[], object]) -> str:
    """Name what is at fault when a loss is not finite.

    Args:
        module: whose weights and activations are looked at.
        run: calls it as it was called when the loss was not finite.

    Returns:
        A weight or, if all are finite, the first module whose output is not; "the loss" if both
        are.
    """
    for name, value in module.named_parameters():
        if not torch.isfinite(value).all():
            return f"the weight {name}"
    found: list[str] = []
    handles = [
        part.register_forward_hook(_reporter(name, found))
        for name, part in module.named_modules()
        if not any(part.children())
    ]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return f"the output of {found[0]}" if found else "the loss"


def gradient_not_finite(module: nn.Module) -> str:
    """Find the last weight whose gradient is not finite; gradients run backwards; "" for none."""
    broken = [
        name
        for name, weight in module.named_parameters()
        if weight.grad is not None and not torch.isfinite(weight.grad).all()
    ]
    return broken[-1] if broken else ""


def _reporter(name: str, found: list[str]) -> Callable[[nn.Module, object, object], None]:
    def report(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and not torch.isfinite(output).all():
            found.append(name)

    return report
