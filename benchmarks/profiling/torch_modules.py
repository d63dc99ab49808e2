"""Which torch module each operation of an artifact comes from.

Converters lose the names of modules or keep some of them. What they keep is the order: the network
is run once without values, its operations are written down with the module that was at work, and
the artifact's are laid beside them.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.profiling.operation_cost import MOVING, OperationCost
from convert.graphs.kinds import DISPATCHED

INTERFACE = "interface"
"""Stands for what lies between a photo's bytes and the network, and between it and the map's."""

_aten = torch.ops.aten

Call = tuple[str, int, str]
"""Kind, number of values in the result, name of the torch module."""


def network_calls(config: Mapping[str, Any], size: int) -> list[Call]:
    """List the operations of a deployed network, in the order of execution.

    Args:
        config: as a manifest holds it.
        size: S, height and width of the photo in pixels.

    Raises:
        InputError: if the configuration is of no network known here.
    """
    from samnet.networks.deployed import DeployedNetwork
    from samnet.networks.registry import build_network, read_config

    network = DeployedNetwork(build_network(read_config(dict(config))), size).eval().to("meta")
    with _Recorder(network) as recorder, torch.no_grad():
        network(torch.zeros(1, 3, size, size, device="meta"))
    calls: list[Call] = recorder.calls
    return calls


class _Recorder(TorchDispatchMode):
    """Writes down what a network executes, each operation with the innermost named module."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._at = [""]
        for name, module in network.named_modules():
            if name:
                module.register_forward_pre_hook(self._enter(name))
                module.register_forward_hook(self._leave)

    def _enter(self, name: str) -> Any:
        def hook(module: nn.Module, arguments: Any) -> None:
            self._at.append(name)

        return hook

    def _leave(self, module: nn.Module, arguments: Any, result: Any) -> None:
        self._at.pop()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if (kind := DISPATCHED.get(str(func))) and kind.role == "value":
            name = kind.name
            if func == _aten.convolution.default:
                name = _convolution(args[1], groups=args[8])
            self.calls.append((name, result.numel(), self._at[-1]))
        return result


def _convolution(weight: torch.Tensor, *, groups: int) -> str:
    if groups > 1:
        return "depthwise"
    return "pointwise" if weight.shape[2:].numel() == 1 else "convolution"


def assign(works: Sequence[OperationCost], calls: Sequence[Call]) -> list[str | None]:
    """Find the torch module of each operation of an artifact.

    Operations that only move values are no operations of the network: they count to the module
    that takes their result. What stands before the network's first operation or behind its last
    one changes between bytes and the network's numbers and is called ``interface``.

    Args:
        works: of the artifact, in order.
        calls: of the network, in order.

    Returns:
        A name for each, None where nothing tells.
    """
    own = [i for i, work in enumerate(works) if work.kind not in MOVING]
    made = [(works[i].kind, math.prod(works[i].shape)) for i in own]
    matcher = difflib.SequenceMatcher(None, made, [call[:2] for call in calls], autojunk=False)
    names: list[str | None] = [None] * len(works)
    for start, other, length in matcher.get_matching_blocks():
        for step in range(length):
            names[own[start + step]] = calls[other + step][2]
    matched = [i for i, name in enumerate(names) if name is not None]
    if not matched:
        return names
    takers = {tensor: i for i in reversed(range(len(works))) for tensor in works[i].inputs}
    for i in reversed(range(len(works))):
        if names[i] is None and not matched[0] < i < matched[-1]:
            names[i] = INTERFACE
        elif names[i] is None and works[i].kind in MOVING and works[i].output in takers:
            names[i] = names[takers[works[i].output]]
    return names


def shorten(name: str | None, depth: int) -> str:
    """Shorten a module's name to its first parts, as ``encoder.stages.0``; ``unknown`` for None."""
    return "unknown" if name is None else ".".join(name.split(".")[:depth]) or "network"
