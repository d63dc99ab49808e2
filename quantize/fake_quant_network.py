"""A network with fake quantization, as quantization-aware training sees it."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from quantize.batch_norm_folding import fold_batch_norm
from quantize.conversion import convert
from quantize.quantizer import RecipeQuantizer
from quantize.recipes import STATIC_WI8_AI8, Recipe
from samnet.networks.deployed import DeployedNetwork


class FakeQuantNetwork(nn.Module):
    """Maps normalized photos (N, 3, S, S) to logits (N, 1, M, M), N being ``batch``.

    Weights and activations pass through the recipe's quantization and back, with the gradient
    going straight through. Batch normalization is folded into the convolutions beforehand (static
    folding, Nagel et al., "A White Paper on Neural Network Quantization", 2021, section 5.2.1):
    the graph that learns is the one that post-training quantization converts, and no statistics
    can drift.

    Args:
        network: the float network to start from; it is left as it was.
        batch: N.
        recipe: which op gets which scheme, and which modules stay in float.
    """

    def __init__(
        self, network: DeployedNetwork, batch: int, recipe: Recipe = STATIC_WI8_AI8
    ) -> None:
        super().__init__()
        folded = fold_batch_norm(network)
        self.size = network.size
        self.graph = _prepare(folded, batch, self.size, recipe)
        # Exported graphs have one batch size; this one is converted.
        self._single = [_prepare(folded, 1, self.size, recipe)]
        for parameter in self.graph.parameters():
            parameter.requires_grad_(True)

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits (N, 1, M, M) of normalized photos (N, 3, S, S)."""
        logits: Tensor = self.graph(x)
        return logits

    def observe(self, inputs: Iterator[Tensor]) -> None:
        """Find first activation ranges on inputs (N, 3, S, S), in float."""
        self._switch(ranges=True, quantize=False)
        with torch.no_grad():
            for x in inputs:
                self.graph(x)
        self._switch(ranges=True, quantize=True)

    def freeze_ranges(self) -> None:
        """Keep activation ranges as they are; those of the weights go on following them."""
        self._switch(ranges=False, quantize=True)

    def exported(self, state: dict[str, Tensor] | None = None) -> torch.export.ExportedProgram:
        """Export the int8 program for batch 1.

        Args:
            state: weights and ranges of a graph like the student's; its own if None.
        """
        single = copy.deepcopy(self._single[0])
        single.load_state_dict(self.graph.state_dict() if state is None else state)
        _switch(single, ranges=False, quantize=True)
        with torch.no_grad():
            # The weights have moved since they were last observed.
            single(torch.zeros(1, 3, self.size, self.size))
        return convert(single, self.size)

    def _switch(self, *, ranges: bool, quantize: bool) -> None:
        _switch(self.graph, ranges=ranges, quantize=quantize)


def _prepare(network: nn.Module, batch: int, size: int, recipe: Recipe) -> GraphModule:
    from torchao.quantization.pt2e.quantize_pt2e import prepare_qat_pt2e

    example = torch.zeros(batch, 3, size, size)
    exported = torch.export.export(network, (example,)).module()
    prepared: GraphModule = prepare_qat_pt2e(exported, RecipeQuantizer(qat=True, recipe=recipe))
    _switch(prepared, ranges=False, quantize=False)
    with torch.no_grad():
        # Gives the scales of every weight their shape; activations are observed later.
        prepared(example)
    return prepared


def _switch(graph: GraphModule, *, ranges: bool, quantize: bool) -> None:
    """Turn observation of activations and quantization of everything on or off."""
    from torchao.quantization.pt2e import FakeQuantize, FixedQParamsFakeQuantize

    for part in graph.modules():
        if isinstance(part, FakeQuantize):
            part.enable_fake_quant(quantize)
            if not isinstance(part, FixedQParamsFakeQuantize):
                part.enable_observer(ranges or part.is_per_channel)
