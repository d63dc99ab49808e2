"""How long and how fast quantization-aware training learns."""

from __future__ import annotations

import dataclasses

from common.errors import InputError


@dataclasses.dataclass(frozen=True)
class QatSchedule:
    """The schedule of quantization-aware training, whose fields are options of its command."""

    epochs: int = 3
    """Epochs; after each the int8 network is converted and validated, and the best one is kept."""
    photos: int | None = 2000
    """Photos in an epoch, drawn anew for each; all of the training set if None."""
    batch: int = 8
    """Photos in a step."""
    learning_rate: float = 2e-5
    """Learning rate of Adam at the start; it falls to zero with a power of 0.9."""
    distillation: float = 1.0
    """Weight of the float network's maps as targets, beside the masks."""
    freeze: float = 0.5
    """Share of the training after which activation ranges stay as they are."""
    average: float = 0.99
    """Decay of the moving average of the weights, which is what is converted; 0 for none."""
    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        if not (0 <= self.average < 1 and 0 <= self.freeze <= 1):
            raise InputError(
                f"average {self.average} and freeze {self.freeze}; expected 0 up to 1, the average "
                "below it"
            )
        if min(self.epochs, self.batch, self.photos or 1) < 1:
            raise InputError(
                f"{self.epochs} epochs of {self.photos} photos in batches of {self.batch}; "
                "each must be at least 1"
            )

    def learning_rate_at(self, share: float) -> float:
        """Return the learning rate when a share of all steps, 0 to 1, is done."""
        return float(self.learning_rate * (1 - share) ** 0.9)

    def freezes_at(self, share: float) -> bool:
        """Tell whether activation ranges stay as they are at a share of all steps, 0 to 1."""
        return share >= self.freeze
