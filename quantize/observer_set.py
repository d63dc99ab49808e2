"""ObserverSet observers on the same tensors, so that one calibration serves all of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import Tensor, nn
from torch.fx import GraphModule
from torchao.quantization.pt2e import MinMaxObserver
from torchao.quantization.pt2e.quantizer import QuantizationSpec

from quantize.quantization_specs import Observer, activation_spec
from quantize.recipes import INT8


class ObserverSet(nn.Module):
    """Observers that see the same tensor, so that one calibration serves all.

    Args:
        observers: observers by name.
    """

    def __init__(self, observers: dict[str, nn.Module]) -> None:
        super().__init__()
        self.observers = nn.ModuleDict(observers)

    def forward(self, x: Tensor) -> Tensor:
        """Show the tensor to every observer and return it as it is."""
        for observer in self.observers.values():
            observer(x)
        return x


def place_observer_sets(graph: GraphModule, names: Sequence[Observer]) -> None:
    """Replace every observer of an activation by a set of observers."""
    specs = {name: activation_spec(INT8, name, qat=False) for name in names}
    made: dict[int, ObserverSet] = {}
    for node in graph.graph.nodes:
        old = graph.get_submodule(node.target) if node.op == "call_module" else None
        if not isinstance(old, MinMaxObserver):
            continue
        # Tensors that share a scale share the observer.
        if id(old) not in made:
            made[id(old)] = ObserverSet({name: observer_of(spec) for name, spec in specs.items()})
        setattr(graph, node.target, made[id(old)])


def observer_of(spec: QuantizationSpec) -> nn.Module:
    """Build an observer as the graph's preparation would make it."""
    observer: nn.Module = spec.observer_or_fake_quant_ctr(
        dtype=spec.dtype,
        qscheme=spec.qscheme,
        quant_min=spec.quant_min,
        quant_max=spec.quant_max,
    )
    return observer


def choose(graph: GraphModule, name: Observer) -> GraphModule:
    """Copy a calibrated graph with one of several observers alone."""
    chosen = copy.deepcopy(graph)
    for node in chosen.graph.nodes:
        part = chosen.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(part, ObserverSet):
            setattr(chosen, node.target, part.observers[name])
    return chosen
