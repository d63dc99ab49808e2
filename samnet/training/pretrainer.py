"""Pretrains a backbone as a classifier, with all state that resuming needs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from common.errors import InputError, TrainingDivergedError
from samnet.networks.config import SAMNetConfig
from samnet.networks.layers import initialize
from samnet.networks.preprocessing import Preprocessing
from samnet.networks.samnet import Encoder
from samnet.training.augmentation import normalize
from samnet.training.distributed import Processes, mean_of_processes
from samnet.training.first_nonfinite import ADVICE, check_loss
from samnet.training.recipe import Recipe
from samnet.training.resume_state import load_state, save_state
from samnet.training.schedule import Step
from samnet.training.weight_averaging import moving_average


class Classifier(nn.Module):
    """An encoder, global average pooling and a linear head: (N, 3, H, W) to (N, classes)."""

    def __init__(self, config: SAMNetConfig, classes: int) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.head = nn.Linear(config.channels[-1], classes)
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        """Classify normalized photos (N, 3, H, W): logits (N, classes)."""
        logits: Tensor = self.head(self.encoder(x)[-1].mean(dim=(2, 3)))
        return logits


class Pretrainer:
    """A classifier in training.

    Args:
        config: configuration of the network whose encoder it is.
        classes: their names.
        recipe: batch, learning rate, weight decay, average and clip are used.
        smoothing: share of the truth that all classes divide among themselves.
        processes: processes that train together.
        seed: decides the first weights.
    """

    def __init__(
        self,
        config: SAMNetConfig,
        classes: tuple[str, ...],
        recipe: Recipe,
        smoothing: float,
        processes: Processes,
        seed: int,
    ) -> None:
        torch.manual_seed(seed)
        self.classes, self.recipe, self.smoothing = classes, recipe, smoothing
        self.processes = processes
        self.model = Classifier(config, len(classes))
        self.model.to(processes.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = AveragedModel(
            self.model, multi_avg_fn=moving_average(recipe.average), use_buffers=True
        )
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self.network_with_losses: nn.Module = self.model
        if processes.count > 1:
            self.network_with_losses = DistributedDataParallel(self.model)
        self.done = 0
        self.seconds = 0.0

    @property
    def result(self) -> Classifier:
        """The classifier to keep: averaged where the recipe averages."""
        kept = self.averaged.module if self.recipe.average else self.model
        assert isinstance(kept, Classifier)
        return kept

    def input(self, photos: Tensor) -> Tensor:
        """Turn photos (N, 3, H, W) uint8 into what the network takes."""
        x = photos.to(self.processes.device, non_blocking=True).float() / 255
        return normalize(x, Preprocessing()).contiguous(memory_format=torch.channels_last)

    def train_step(self, step: Step, photos: Tensor, labels: Tensor) -> dict[str, float]:
        """Update the weights once; return the learning rate and the loss of all processes.

        Raises:
            TrainingDivergedError: if the loss or a gradient is not finite.
        """
        rate = self.recipe.learning_rate_at(step.share, 0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        x, device = self.input(photos), self.processes.device
        self.model.train()
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = self.network_with_losses(x)
        loss = F.cross_entropy(logits.float(), labels.to(device), label_smoothing=self.smoothing)
        shared = mean_of_processes({"loss": loss.detach()})
        check_loss(step.number, shared["loss"], self.model, x)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip or math.inf)
        if not torch.isfinite(norm):
            raise TrainingDivergedError(f"step {step.number}: a gradient is not finite; {ADVICE}")
        self.optimizer.step()
        self.averaged.update_parameters(self.model)
        return {"lr": rate, **shared}

    @torch.inference_mode()
    def validate(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, float]:
        """Compute the shares of photos, 0 to 1, whose class is first, or among the first five."""
        network = self.result.eval()
        top1, top5, count = (torch.zeros((), device=self.processes.device) for _ in range(3))
        for photos, labels in batches:
            logits = network(self.input(photos))
            best = logits.topk(min(5, len(self.classes))).indices
            hits = best == labels.to(best.device)[:, None]
            top1 += hits[:, 0].sum()
            top5 += hits.any(1).sum()
            count += len(labels)
        sums = mean_of_processes({"top1": top1, "top5": top5, "count": count})
        return {name: sums[name] / sums["count"] for name in ("top1", "top5")}

    def save(self, path: Path) -> None:
        """Write the state whole or not at all.

        Raises:
            InputError: if it cannot be written.
        """
        state = {
            "classes": list(self.classes),
            "done": self.done,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_state(path, state)

    def restore(self, path: Path) -> None:
        """Take up a state.

        Raises:
            InputError: if there is none, or it is of other classes or another network.
        """
        state = load_state(path, self.processes.device)
        if state["classes"] != list(self.classes):
            raise InputError(
                f"{path}: of {len(state['classes'])} other classes, the data has "
                f"{len(self.classes)}; give the data it was started with"
            )
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise InputError(
                f"{path}: of another network; give the options of its start"
            ) from error
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done, self.seconds = state["done"], state["seconds"]
