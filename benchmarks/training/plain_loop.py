"""The plain training loop that the throughput of training is compared with."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from samnet.data.layouts import Pair
from samnet.networks.base import SaliencyNetwork
from samnet.networks.preprocessing import MEAN, STD
from samnet.networks.torchvision_import import import_torchvision
from samnet.training.losses import SIDE_WEIGHT
from samnet.training.recipe import Recipe


class Photos(Dataset[tuple[Tensor, Tensor]]):
    """Photos (3, size, size) and masks (1, size, size), decoded and augmented one by one."""

    def __init__(self, pairs: Sequence[Pair], size: int, recipe: Recipe) -> None:
        import_torchvision()
        from torchvision import tv_tensors
        from torchvision.transforms import v2

        it = recipe.augmentation
        self.pairs = pairs
        self.transforms = v2.Compose(
            [
                v2.RandomResizedCrop(size, scale=(it.min_crop**2, 1)),
                v2.RandomHorizontalFlip(it.flip),
                v2.ColorJitter(it.brightness, it.contrast, it.saturation),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([MEAN] * 3, [STD] * 3),
            ]
        )
        self.mask = tv_tensors.Mask

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        pair = self.pairs[index]
        photo = Image.open(pair.photo).convert("RGB")
        mask = self.mask(Image.open(pair.mask).convert("L"))
        x, y = self.transforms(photo, mask)
        return x, (y > 128).float()


class PlainLoop:
    """Training as one would write it first.

    A DataLoader decodes and augments photo by photo with Pillow and torchvision, float32 in NCHW,
    Adam as it comes. It loads in the training process: on as many cores as threads, a worker would
    take its time from the training.
    """

    def __init__(
        self, model: SaliencyNetwork, batches: Sequence[Sequence[Pair]], size: int, recipe: Recipe
    ) -> None:
        """Prepare a loop over batches of pairs, on a copy of the model."""
        self.model = copy.deepcopy(model)
        self.model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.batches, self.size, self.recipe = batches, size, recipe

    def read_files(self) -> None:
        """Read every file once, so that the system holds it in memory."""
        for pair in (pair for batch in self.batches for pair in batch):
            pair.photo.read_bytes()
            pair.mask.read_bytes()

    def steps(self) -> Iterator[float]:
        """Train step by step; yield the loss of each."""
        pairs = [pair for batch in self.batches for pair in batch]
        loader = DataLoader(Photos(pairs, self.size, self.recipe), self.recipe.batch)
        optimizer = torch.optim.Adam(
            self.model.parameters(),
            self.recipe.learning_rate,
            weight_decay=self.recipe.weight_decay,
        )
        self.model.train()
        for x, y in loader:
            logits = self.model(x)
            losses = [F.binary_cross_entropy_with_logits(it, y) for it in logits]
            loss = losses[0] + SIDE_WEIGHT * sum(losses[1:], torch.zeros(()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()
