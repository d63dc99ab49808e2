"""A penalty that keeps activations in ranges which eight bits can hold.

Nothing in the paper's loss bounds the attention's logits: the longer training goes on, the
further they run into the flat ends of the softmax or of the gates, hundreds where eight are
enough, and the residual sums follow. In float that does no harm. In int8 the few largest values
set the step between two codes, and one code more or less then opens or shuts a gate.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samnet.networks.attention import SAM, ChannelLogits, SpatialLogits

LOGIT_LIMIT = 6.0
"""Attention logits that cost nothing; sigmoid(6) is 0.998."""

OUTPUT_LIMIT = 12.0
"""Likewise of a SAM module's output, about eight times its typical value."""


class RangePenalty:
    """Measures how far a network's SAM modules exceed their ranges while it trains.

    Args:
        network: its modules are observed from now on, in training mode only.
    """

    def __init__(self, network: nn.Module) -> None:
        self._excesses: list[Tensor] = []
        for module in network.modules():
            if isinstance(module, SAM):
                self._observe(module, OUTPUT_LIMIT)
                kinds = (ChannelLogits, SpatialLogits)
                parts = [part for part in module.children() if isinstance(part, kinds)]
                for part in parts:
                    # The logits are the product of what both parts give.
                    self._observe(part, LOGIT_LIMIT ** (1 / len(parts)))

    def _observe(self, module: nn.Module, limit: float) -> None:
        def hook(module: nn.Module, _: object, result: Tensor | list[Tensor]) -> None:
            if module.training:
                # Branches that share one map give it several times.
                several = result if isinstance(result, list) else [result]
                for x in {id(x): x for x in several}.values():
                    self._excesses.append(F.relu(x.abs() - limit).square().mean())

        module.register_forward_hook(hook)

    def take(self) -> Tensor:
        """Average the squared excess over all that was observed since the last call, a scalar."""
        excesses, self._excesses = self._excesses, []
        return torch.stack(excesses).mean() if excesses else torch.zeros(())
