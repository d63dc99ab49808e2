"""Network and losses as the one module that training calls."""

from __future__ import annotations

from torch import Tensor, nn

from samnet.imitation import Imitation
from samnet.losses import saliency_loss
from samnet.ranges import RangePenalty
from samnet.recipe import Recipe
from samnet.saliency import SaliencyNetwork


class Learner(nn.Module):
    """Network and losses as one module, so that one call runs on every process."""

    def __init__(self, model: SaliencyNetwork, imitation: Imitation, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.imitation, self.recipe = model, imitation, recipe
        self.ranges = RangePenalty(model) if recipe.range else None

    def forward(
        self, x: Tensor, truth: Tensor, teacher: list[Tensor] | None, share: float
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            x: normalised photos, (N, 3, H, W).
            truth: (N, 1, H, W) in 0 to 1.
            teacher: its features, or None without one.
            share: of all steps done, 0 to 1. The teacher fades out, the range penalty fades in.
        """
        stages = self.model.encoder(x)
        logits = self.model.decode(stages, (x.shape[-2], x.shape[-1]))
        total = saliency_loss(logits, truth, self.recipe.loss)
        parts = {"saliency": total.detach()}
        if teacher is not None:
            imitation = self.imitation(stages[1:5], teacher)
            total = total + self.recipe.imitation * (1 - share) * imitation
            parts["imitation"] = imitation.detach()
        if self.ranges is not None:
            excess = self.ranges.take()
            total = total + self.recipe.range * share * excess
            parts["range"] = excess.detach()
        return {"loss": total, **parts}
