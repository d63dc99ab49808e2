"""Several observers in one place, so that one calibration serves all of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import Tensor, nn
from torch.fx import GraphModule
from torchao.quantization.pt2e import MinMaxObserver
from torchao.quantization.pt2e.quantizer import QuantizationSpec

from quantize.quantization_specs import Observer, activation_spec
from quantize.recipes import INT8


class Several(nn.Module):
    """Observers that see the same tensor, so that one calibration serves all.

    Args:
        observers: by name.
    """

    def __init__(self, observers: dict[str, nn.Module]) -> None:
        super().__init__()
        self.observers = nn.ModuleDict(observers)

    def forward(self, x: Tensor) -> Tensor:
        for observer in self.observers.values():
            observer(x)
        return x


def place_several(graph: GraphModule, names: Sequence[Observer]) -> None:
    """Replaces every observer of an activation by several."""
    specs = {name: activation_spec(INT8, name, qat=False) for name in names}
    made: dict[int, Several] = {}
    for node in graph.graph.nodes:
        old = graph.get_submodule(node.target) if node.op == "call_module" else None
        if not isinstance(old, MinMaxObserver):
            continue
        # Tensors that share a scale share the observer.
        if id(old) not in made:
            made[id(old)] = Several({name: observer_of(spec) for name, spec in specs.items()})
        setattr(graph, node.target, made[id(old)])


def observer_of(spec: QuantizationSpec) -> nn.Module:
    """An observer as the graph's preparation would make it."""
    observer: nn.Module = spec.observer_or_fake_quant_ctr(
        dtype=spec.dtype,
        qscheme=spec.qscheme,
        quant_min=spec.quant_min,
        quant_max=spec.quant_max,
    )
    return observer


def choose(graph: GraphModule, name: Observer) -> GraphModule:
    """A copy of a calibrated graph in which one of several observers stands alone."""
    chosen = copy.deepcopy(graph)
    for node in chosen.graph.nodes:
        part = chosen.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(part, Several):
            setattr(chosen, node.target, part.observers[name])
    return chosen
