"""How activation ranges are found on calibration photos."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchao.quantization.pt2e import MinMaxObserver

SHARE = 0.9
"""Of the photos whose extremes lie within a tensor's range, at either end."""


class PercentileObserver(MinMaxObserver):
    """The extremes of all but the oddest photos.

    A convolutional network answers some photos, such as a fine regular texture, with activations
    tens of times larger than those of any other. The extremes of all photos would spend most of
    the 256 codes on that one; here it is clipped. Each forward call must be one photo.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._extremes: list[Tensor] = []

    def forward(self, x_orig: Tensor) -> Tensor:
        """Notes the extremes of a photo's tensor and gives it back unchanged."""
        self._extremes.append(torch.stack(torch.aminmax(x_orig.detach().float())))
        lows, highs = torch.stack(self._extremes).unbind(1)
        # A quantile would hide an infinity, which must stay visible.
        finite = bool(torch.isfinite(lows).all() and torch.isfinite(highs).all())
        self.min_val.copy_(lows.quantile(1 - SHARE) if finite else lows.min())
        self.max_val.copy_(highs.quantile(SHARE) if finite else highs.max())
        return x_orig
