"""Augmentation of whole batches on the device that trains."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor
from torch.nn import functional as F

from samnet.preprocessing import Preprocessing


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random crop, flip and colour changes, each photo of a batch on its own.

    Args:
        min_crop: smallest side of the crop as a share of the photo's.
        flip: probability of a horizontal flip.
        brightness: factors are drawn from 1 - brightness to 1 + brightness.
        contrast: likewise.
        saturation: likewise.
    """

    min_crop: float = 0.64
    flip: float = 0.5
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3

    def draw_crops(self, count: int, generator: torch.Generator) -> Tensor:
        """Random crops, some mirrored, as affine maps from result to photo: (count, 2, 3)."""
        side = _draw((count, 2), self.min_crop, 1, generator)
        centre = _draw((count, 2), -1, 1, generator) * (1 - side)
        mirror = torch.where(torch.rand(count, generator=generator) < self.flip, -1.0, 1.0)
        crops = torch.zeros(count, 2, 3)
        crops[:, 0, 0] = side[:, 0] * mirror
        crops[:, 1, 1] = side[:, 1]
        crops[:, :, 2] = centre
        return crops

    def change_colours(self, photos: Tensor, generator: torch.Generator) -> Tensor:
        """Photos (N, 3, H, W) in 0 to 1 with other brightness, saturation and contrast."""

        def factor(spread: float) -> Tensor:
            factors = _draw((len(photos), 1, 1, 1), 1 - spread, 1 + spread, generator)
            return factors.to(photos.device)

        x = photos * factor(self.brightness)
        grey = x.mean(dim=1, keepdim=True)
        x = grey + (x - grey) * factor(self.saturation)
        level = x.mean(dim=(1, 2, 3), keepdim=True)
        x = level + (x - level) * factor(self.contrast)
        return x.clamp(0, 1)


def _draw(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    # Drawn on the CPU, so that every device sees the same augmentation.
    return torch.rand(shape, generator=generator) * (high - low) + low


def crop(maps: Tensor, crops: Tensor, size: tuple[int, int]) -> Tensor:
    """Samples maps (N, C, H, W) float at crops (N, 2, 3), bilinear: (N, C, *size)."""
    shape = [len(maps), maps.shape[1], *size]
    grid = F.affine_grid(crops.to(maps.device, maps.dtype), shape, align_corners=False)
    return F.grid_sample(maps, grid, padding_mode="border", align_corners=False)


def normalise(photos: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Values in 0 to 1 to the network's input, any shape."""
    return (photos - preprocessing.mean) / preprocessing.std
