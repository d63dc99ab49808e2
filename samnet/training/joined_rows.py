"""Reads several arrays as if they were one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from samnet.data.packed import PackedPairs


class Rows:
    """Arrays (n, …) of one kind as one (sum of n, …), none of them copied.

    Args:
        parts: arrays, at least one; they may lie on devices of their own.
    """

    def __init__(self, parts: Sequence[Tensor]) -> None:
        self.parts = tuple(parts)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def to(self, device: torch.device) -> Rows:
        """Return the same arrays in the memory of a device."""
        return Rows([part.to(device) for part in self.parts])

    def take(self, index: Tensor, device: torch.device) -> Tensor:
        """Take the rows of these numbers, in their order, on a device."""
        if len(self.parts) == 1:
            part = self.parts[0]
            return part[index.to(part.device)].to(device, non_blocking=True)
        taken = torch.empty(len(index), *self.parts[0].shape[1:], dtype=self.parts[0].dtype)
        taken, start = taken.to(device), 0
        for part in self.parts:
            inside = (index >= start) & (index < start + len(part))
            if inside.any():
                rows = part[(index[inside] - start).to(part.device)]
                taken[inside.to(device)] = rows.to(device, non_blocking=True)
            start += len(part)
        return taken


class PhotoSets:
    """Packed sets as one.

    Args:
        sets: data sets at one size.
    """

    def __init__(self, sets: Sequence[PackedPairs]) -> None:
        self.photos = Rows([packed.photos for packed in sets])
        self.masks = Rows([packed.masks for packed in sets])

    def __len__(self) -> int:
        return len(self.photos)

    def batch(self, index: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return pairs as :meth:`samnet.data.packed.PackedPairs.batch` does."""
        photos = self.photos.take(index, device).permute(0, 3, 1, 2)
        return photos, self.masks.take(index, device).unsqueeze(1)
