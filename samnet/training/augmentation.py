"""Augmentation of whole batches on the device that trains."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor
from torch.nn import functional as F

from samnet.networks.preprocessing import Preprocessing


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random crop, flips and color changes, each photo of a batch on its own.

    Args:
        min_crop: smallest side of the crop as a share of the photo's.
        flip: probability of a horizontal flip.
        vertical_flip: probability of a vertical flip.
        brightness: factors are drawn from 1 - brightness to 1 + brightness.
        contrast: likewise.
        saturation: likewise.
        hue: colors are turned around the gray axis by up to this share of a full turn.
    """

    min_crop: float = 0.64
    flip: float = 0.5
    vertical_flip: float = 0.0
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.0

    def draw_crops(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw random crops, some mirrored, as affine maps from result to photo: (count, 2, 3)."""
        side = _draw((count, 2), self.min_crop, 1, generator)
        center = _draw((count, 2), -1, 1, generator) * (1 - side)
        mirror = torch.where(torch.rand(count, generator=generator) < self.flip, -1.0, 1.0)
        crops = torch.zeros(count, 2, 3)
        crops[:, 0, 0] = side[:, 0] * mirror
        crops[:, 1, 1] = side[:, 1]
        crops[:, :, 2] = center
        if self.vertical_flip:
            crops[torch.rand(count, generator=generator) < self.vertical_flip, 1, 1] *= -1
        return crops

    def draw_colors(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw random changes of color for :func:`change_colors`: (count, 4)."""
        spreads = (self.brightness, self.saturation, self.contrast)
        factors = [_draw((count,), 1 - spread, 1 + spread, generator) for spread in spreads]
        hue = _draw((count,), -self.hue, self.hue, generator) if self.hue else torch.zeros(count)
        return torch.stack([*factors, hue], dim=1)


def change_colors(photos: Tensor, changes: Tensor) -> Tensor:
    """Change brightness, saturation, contrast and hue.

    Args:
        photos: (N, 3, H, W) in 0 to 1.
        changes: (N, 4): three factors, and the share of a full turn of the hue.

    Returns:
        As large as the photos, in 0 to 1.
    """
    brightness, saturation, contrast, hue = changes.to(photos.device)[
        :, :, None, None, None
    ].unbind(1)
    x = photos * brightness
    gray = x.mean(dim=1, keepdim=True)
    x = gray + (x - gray) * saturation
    if bool(hue.any()):
        x = torch.einsum("nij,njhw->nihw", _rotations(hue.flatten()), x)
    level = x.mean(dim=(1, 2, 3), keepdim=True)
    x = level + (x - level) * contrast
    return x.clamp(0, 1)


def _rotations(turns: Tensor) -> Tensor:
    """Compute rotations of RGB around the gray axis, (N, 3, 3), by Rodrigues' formula."""
    angle = (2 * math.pi * turns)[:, None, None]
    axis = torch.full((3, 3), 1 / 3, device=turns.device)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=turns.device) / math.sqrt(3)
    eye = torch.eye(3, device=turns.device)
    return angle.cos() * eye + angle.sin() * cross + (1 - angle.cos()) * axis


def _draw(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    # Drawn on the CPU, so that every device sees the same augmentation.
    return torch.rand(shape, generator=generator) * (high - low) + low


def crop(maps: Tensor, crops: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample maps (N, C, H, W) float at crops (N, 2, 3), bilinear: (N, C, *size)."""
    shape = [len(maps), maps.shape[1], *size]
    grid = F.affine_grid(crops.to(maps.device, maps.dtype), shape, align_corners=False)
    return F.grid_sample(maps, grid, padding_mode="border", align_corners=False)


def normalize(photos: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Normalize values in 0 to 1 to the network's input, any shape."""
    return (photos - preprocessing.mean) / preprocessing.std
