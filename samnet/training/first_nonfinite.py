"""Finds the first weight, activation or gradient that is not finite."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node

from common.errors import TrainingDivergedError

ADVICE = "lower --learning-rate and resume from the last state"


def check_loss(step: int, loss: float, module: nn.Module, x: Tensor) -> None:
    """Refuse a loss that is not finite.

    Args:
        step: number of the step.
        loss: loss of all processes together.
        module: network that it was found with.
        x: (N, 3, H, W), its input then.

    Raises:
        TrainingDivergedError: with the first value that is not finite.
    """
    if not math.isfinite(loss):
        fault = first_nonfinite(module, x) or "the loss"
        raise TrainingDivergedError(
            f"step {step}: the loss is {loss}, first not finite is {fault}; {ADVICE}"
        )


def first_nonfinite(module: nn.Module, x: Tensor) -> str:
    """Name a weight or, if all are finite, the first module or operation whose output is not.

    Args:
        module: network as it was when the loss was not finite.
        x: (N, 3, H, W), its input.

    Returns:
        The name; empty if everything is finite.
    """
    for name, value in module.named_parameters():
        if not torch.isfinite(value).all():
            return f"the weight {name}"
    found: list[str] = []
    handles = []
    run: Callable[[Tensor], Any] = module
    if isinstance(module, GraphModule):
        run = _Operations(module, found).run
    else:
        parts = [it for it in module.named_modules() if not any(it[1].children())]
        handles = [part.register_forward_hook(_reporter(name, found)) for name, part in parts]
    try:
        # Fake quantization refuses what is not finite, by which time it has been found.
        with torch.no_grad(), contextlib.suppress(AssertionError, RuntimeError):
            run(x)
    finally:
        for handle in handles:
            handle.remove()
    return f"the output of {found[0]}" if found else ""


def nonfinite_gradient(module: nn.Module) -> str:
    """Name the last weight whose gradient is not finite: gradients run backwards; "" for none."""
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


class _Operations(Interpreter):
    """Runs a graph and keeps the names of the operations that give anything not finite."""

    def __init__(self, graph: GraphModule, found: list[str]) -> None:
        super().__init__(graph)
        self.found = found

    def run_node(self, n: Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor) and not torch.isfinite(result).all():
            stack = list((n.meta.get("nn_module_stack") or {}).values())
            module = stack[-1][0] if stack else ""
            self.found.append(f"{module} ({n.name})" if module else n.name)
        return result
