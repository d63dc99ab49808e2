"""The module that training calls: a network together with its losses."""

from __future__ import annotations

from torch import Tensor, nn

from samnet.networks.base import SaliencyNetwork
from samnet.training.activation_ranges import RangePenalty
from samnet.training.feature_distillation import Imitation
from samnet.training.losses import saliency_loss
from samnet.training.recipe import Recipe


class NetworkWithLosses(nn.Module):
    """Network and losses as one module, so that one call runs on every process."""

    def __init__(
        self,
        model: SaliencyNetwork,
        imitation: Imitation,
        recipe: Recipe,
        distillation: Imitation | None = None,
    ) -> None:
        super().__init__()
        self.distillation = distillation
        self.model, self.imitation, self.recipe = model, imitation, recipe
        self.ranges = RangePenalty(model) if recipe.range else None

    def forward(
        self,
        x: Tensor,
        truth: Tensor,
        imitated: list[Tensor] | None,
        share: float,
        taught: list[Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            x: normalized photos, (N, 3, H, W).
            truth: (N, 1, H, W) in 0 to 1.
            imitated: features of the ImageNet network, or None without imitation.
            share: share of all steps done, 0 to 1. Features fade out, the range penalty fades in.
            taught: the teacher's features, or None without any.
        """
        stages = self.model.encoder(x)
        logits = self.model.decode(stages, (x.shape[-2], x.shape[-1]))
        total = saliency_loss(logits, truth, self.recipe.loss)
        parts = {"saliency": total.detach()}
        if imitated is not None:
            imitation = self.imitation(stages[1:5], imitated)
            total = total + self.recipe.imitation * (1 - share) * imitation
            parts["imitation"] = imitation.detach()
        if taught is not None and self.distillation is not None:
            distillation = self.distillation(stages[1:5], taught)
            total = total + self.recipe.features * (1 - share) * distillation
            parts["features"] = distillation.detach()
        if self.ranges is not None:
            excess = self.ranges.take()
            total = total + self.recipe.range * share * excess
            parts["range"] = excess.detach()
        return {"loss": total, **parts}
