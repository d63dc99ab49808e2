"""Panels of held-out photos with their masks and maps, as TensorBoard shows them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def panel(photos: Tensor, masks: Tensor, maps: Sequence[Tensor]) -> Tensor:
    """Set photo, mask and map side by side, a row for each photo.

    Args:
        photos: (N, 3, S, S) uint8.
        masks: (N, 1, S, S) uint8.
        maps: N of (S, S) uint8.

    Returns:
        (3, N * S, 3 * S) uint8.
    """
    rows = []
    for photo, mask, saliency_map in zip(photos, masks, maps, strict=True):
        columns = [photo.cpu(), mask.cpu().expand(3, -1, -1), saliency_map.cpu().expand(3, -1, -1)]
        rows.append(torch.cat(columns, dim=2))
    return torch.cat(rows, dim=1)
