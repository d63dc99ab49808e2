"""Network and losses as the one module that training calls."""

from __future__ import annotations

from torch import Tensor, nn

from samnet.imitation import Imitation
from samnet.losses import saliency_loss
from samnet.network import SAMNet
from samnet.recipe import Recipe


class Learner(nn.Module):
    """Network and losses as one module, so that one call runs on every process."""

    def __init__(self, model: SAMNet, imitation: Imitation, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.imitation, self.recipe = model, imitation, recipe

    def forward(
        self, x: Tensor, truth: Tensor, teacher: list[Tensor] | None, teaching: float
    ) -> dict[str, Tensor]:
        """Losses of photos (N, 3, H, W); ``teaching`` fades the teacher out, 1 to 0."""
        stages = self.model.encoder(x)
        logits = self.model.decode(stages, (x.shape[-2], x.shape[-1]))
        saliency = saliency_loss(logits, truth, self.recipe.loss)
        if teacher is None:
            return {"loss": saliency, "saliency": saliency.detach()}
        imitation = self.imitation(stages[1:], teacher)
        total = saliency + self.recipe.imitation * teaching * imitation
        return {"loss": total, "saliency": saliency.detach(), "imitation": imitation.detach()}
