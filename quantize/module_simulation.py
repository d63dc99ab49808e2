"""Simulates quantization of a calibrated graph, module by module."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from quantize.conversion import WEIGHTED, check_ranges, rounded_bias
from quantize.global_averages import settle_means
from quantize.module_map import inside, module_of

OUTSIDE = ""
"""Stands for what lies outside of all modules that can be switched."""


class FakeQuantStep(nn.Module):
    """Quantizes a tensor and turns it back to float.

    Args:
        observer: knows the scale, the zero point and the smallest and largest code.
    """

    def __init__(self, observer: Any) -> None:
        super().__init__()
        scale, zero_point = observer.calculate_qparams()
        self.on = True
        self.weight = hasattr(observer, "ch_axis")
        self.scale: Any = scale.reshape(-1, 1) if self.weight else scale.item()
        zero = 0 if self.weight else int(zero_point)
        self._low, self._high = observer.quant_min - zero, observer.quant_max - zero
        self._rounded: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Round a tensor to the scheme's steps, unless the step is off."""
        if not self.on:
            return x
        if not self.weight:
            return self._round(x)
        # Weights do not change from photo to photo.
        if self._rounded is None:
            self._rounded = self._round(x.flatten(1)).reshape(x.shape)
        return self._rounded

    def _round(self, x: Tensor) -> Tensor:
        # Ten times as fast as torch.fake_quantize_per_tensor_affine, which notes what it clips.
        steps: Tensor = x * (1 / self.scale)
        return steps.round_().clamp_(self._low, self._high).mul_(self.scale)


@dataclasses.dataclass(frozen=True)
class Trace:
    """What became of one photo.

    Args:
        logits: (1, 1, M, M).
        quantized: the steps that were on.
        values: what every node of the graph gave; empty unless they were to be kept.
    """

    logits: Tensor
    quantized: frozenset[Node]
    values: dict[Node, Any] = dataclasses.field(repr=False)


class Simulation:
    """Runs a network with any choice of its modules in float.

    It is calibrated once; a choice then only switches quantization steps. A tensor is quantized
    if the module that gives it or one that takes it is: a module in float between quantized ones
    is given rounded tensors and gives what its consumers round, as in a mixed program. Biases
    are rounded as there, so that the maps are the program's.

    Args:
        prepared: a graph whose observers have seen the calibration photos; they are replaced.
        modules: torch names of what can be switched. Additions of the decoder and the rounding
            of the map lie ``OUTSIDE`` of all.

    Raises:
        InputError: if an observer saw no values, or some that are not finite.
    """

    def __init__(self, prepared: GraphModule, modules: Sequence[str]) -> None:
        check_ranges(prepared)
        settle_means(prepared)
        self.modules = tuple(modules)
        self.everything = frozenset((*modules, OUTSIDE))
        self._nodes = list(prepared.graph.nodes)
        self._steps: dict[Node, FakeQuantStep] = {}
        self._owners: dict[Node, set[str]] = {}
        for node in self._nodes:
            observer = prepared.get_submodule(node.target) if node.op == "call_module" else None
            if not hasattr(observer, "calculate_qparams"):
                continue
            self._steps[node] = FakeQuantStep(observer)
            setattr(prepared, node.target, self._steps[node])
            ends = [*node.users, *(n for n in node.all_input_nodes if n.op == "call_function")]
            self._owners[node] = {inside(module_of(n), modules) or OUTSIDE for n in ends}
        self._biases = self._rounded_biases(prepared)
        self._graph = prepared
        self._last_use = _last_uses(self._nodes)

    def run(
        self,
        x: Tensor,
        in_float: Collection[str] = (),
        start: Trace | None = None,
        *,
        keep: bool = False,
    ) -> Trace:
        """Run the network on a photo.

        Args:
            x: normalized, (1, 3, S, S).
            in_float: the modules in float, ``OUTSIDE`` among them or not.
            start: of the same photo with another choice, its values kept; what it has in common
                with this one is not computed again.
            keep: whether the values of all nodes are kept, to start from them.
        """
        kept = set(in_float)
        on = frozenset(node for node, owners in self._owners.items() if not owners <= kept)
        for node, step in self._steps.items():
            step.on = node in on
        values = self._common(start, on) if start is not None else {}
        with torch.no_grad():
            logits = self._execute(x, values, keep=keep)
        return Trace(logits, on, values if keep else {})

    def _execute(self, x: Tensor, values: dict[Node, Any], *, keep: bool) -> Tensor:
        """Compute what is not among the values yet.

        torch.fx.Interpreter does the same, but spends more time on each node than most nodes take.
        """
        for node in self._nodes:
            if node.op == "output":
                break
            if node not in values:
                values[node] = self._value(node, x, values)
            if not keep:
                for done in self._last_use.get(node, ()):
                    del values[done]
        (result,) = node.all_input_nodes
        return cast(Tensor, values[result])

    def _value(self, node: Node, x: Tensor, values: dict[Node, Any]) -> Any:
        if node.op == "placeholder":
            return x
        if node.op == "get_attr":
            return operator.attrgetter(str(node.target))(self._graph)
        args = [_filled(arg, values) for arg in node.args]
        if node in self._biases and all(self._steps[n].on for n in node.all_input_nodes[:2]):
            args[2] = self._biases[node]
        if node.op == "call_module":
            part = self._steps.get(node) or self._graph.get_submodule(str(node.target))
            return part(*args)
        kwargs = {name: _filled(arg, values) for name, arg in node.kwargs.items()}
        return cast(Callable[..., Any], node.target)(*args, **kwargs)

    def _rounded_biases(self, graph: GraphModule) -> dict[Node, Tensor]:
        """Return the biases of the convolutions whose input and weight can be quantized."""
        found = {}
        for node in self._nodes:
            given = [self._steps.get(part) for part in node.all_input_nodes[:2]]
            if node.target in WEIGHTED and len(node.args) > 2 and given[0] and given[1]:
                bias = operator.attrgetter(node.args[2].target)(graph)
                found[node] = rounded_bias(bias, given[0].scale, given[1].scale.flatten())
        return found

    def _common(self, start: Trace, on: frozenset[Node]) -> dict[Node, Any]:
        """Keep what another choice of steps leaves as it was."""
        changed: set[Node] = set(start.quantized ^ on)
        known = {}
        for node in self._nodes:
            if node in changed or not changed.isdisjoint(node.all_input_nodes):
                changed.add(node)
            elif node.op != "output":
                known[node] = start.values[node]
        return known


def _filled(arg: Any, values: dict[Node, Any]) -> Any:
    """Replace the nodes in an argument by their values."""
    if isinstance(arg, Node):
        return values[arg]
    if isinstance(arg, list | tuple):
        return [_filled(part, values) for part in arg]
    return arg


def _last_uses(nodes: Sequence[Node]) -> dict[Node, list[Node]]:
    """Find which values nobody needs any more after a node; that of the output stays."""
    last = {given: node for node in nodes for given in node.all_input_nodes}
    found: dict[Node, list[Node]] = {}
    for given, node in last.items():
        found.setdefault(node, []).append(given)
    return found
