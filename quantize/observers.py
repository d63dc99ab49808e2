"""Observers: choose the range of each activation from calibration photos."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchao.quantization.pt2e import MinMaxObserver

SHARE = 0.9
"""Of the photos whose extremes lie within a tensor's range, at either end."""

SAMPLES = 8192
"""Values of a photo's tensor that are counted, at most; all of a small one."""

BINS = 8192
"""Of a histogram; the range that holds all values covers at least a quarter of them."""

SHRINKAGE = 2.0 ** (-torch.arange(41) / 8)
"""Candidate ranges as shares of the extremes, from 1 down to 1/32."""


class RangeObserver(MinMaxObserver):  # type: ignore[misc]
    """Chooses a range within the extremes it saw, when it is asked for a scale.

    ``min_val`` and ``max_val`` are the extremes of everything observed.
    """

    def range(self) -> tuple[Tensor, Tensor]:
        """Return the lowest and the highest value that codes should reach, two scalars."""
        raise NotImplementedError

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Compute scale and zero point of the chosen range."""
        # A choice would hide an infinity, which must stay visible.
        if not (torch.isfinite(self.min_val) and torch.isfinite(self.max_val)):
            low, high = self.min_val, self.max_val
        else:
            low, high = self.range()
        parameters: tuple[Tensor, Tensor] = self._calculate_qparams(low, high)
        return parameters


class PercentileObserver(RangeObserver):
    """The extremes of all but the oddest photos.

    A convolutional network answers some photos, such as a fine regular texture, with activations
    tens of times larger than those of any other. The extremes of all photos would spend most of
    the 256 codes on that one; here it is clipped. Each forward call must be one photo.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._extremes: list[Tensor] = []

    def forward(self, x_orig: Tensor) -> Tensor:
        """Note the extremes of a photo's tensor and give it back unchanged."""
        low, high = torch.aminmax(x_orig.detach().float())
        self._extremes.append(torch.stack((low, high)))
        self.min_val.copy_(torch.minimum(self.min_val, low))
        self.max_val.copy_(torch.maximum(self.max_val, high))
        return x_orig

    def range(self) -> tuple[Tensor, Tensor]:
        """Return the quantiles of the photos' extremes."""
        lows, highs = torch.stack(self._extremes).unbind(1)
        return lows.quantile(1 - SHARE), highs.quantile(SHARE)


class SquaredErrorObserver(RangeObserver):
    """The range whose codes stand for the observed values with the least squared error.

    Values, evenly spread over a tensor, are counted in a histogram that is symmetric around zero
    and doubles its reach when a value lies outside: two bins become one, so nothing is lost but
    resolution. Candidate ranges are then tried on it, both ends together first, then each alone.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._reach = 2.0**-8
        self._counts = torch.zeros(BINS)

    def forward(self, x_orig: Tensor) -> Tensor:
        """Count a tensor's values and give it back unchanged."""
        x = x_orig.detach().float()
        super().forward(x)
        peak = max(-self.min_val.item(), self.max_val.item())
        if torch.isfinite(self.min_val) and torch.isfinite(self.max_val):
            while peak > self._reach:
                self._reach *= 2
                half = self._counts.reshape(-1, 2).sum(1)
                self._counts = torch.nn.functional.pad(half, (BINS // 4, BINS // 4))
            # An odd step meets every column of a map.
            some = x.flatten()[:: x.numel() // SAMPLES | 1]
            self._counts += torch.histc(some, BINS, -self._reach, self._reach)
        return x_orig

    def range(self) -> tuple[Tensor, Tensor]:
        """Return the best of the candidates."""
        found = self._counts.nonzero().flatten()
        values = ((found + 0.5) / BINS * 2 - 1) * self._reach
        counts = self._counts[found]
        low, high = self.min_val.clamp(max=0), self.max_val.clamp(min=0)
        for ends in ((True, True), (False, True), (True, False)):
            lows = low * SHRINKAGE if ends[0] else low.expand(len(SHRINKAGE))
            highs = high * SHRINKAGE if ends[1] else high.expand(len(SHRINKAGE))
            best = int(self._errors(values, counts, lows, highs).argmin())
            low, high = lows[best], highs[best]
        return low, high

    def _errors(self, values: Tensor, counts: Tensor, lows: Tensor, highs: Tensor) -> Tensor:
        """Compute the squared error of every candidate range: (C,)."""
        scales, zeros = self._calculate_qparams(lows, highs)
        codes = (values / scales[:, None]).round() + zeros[:, None]
        codes = codes.clamp(self.quant_min, self.quant_max) - zeros[:, None]
        errors: Tensor = ((codes * scales[:, None] - values).square() * counts).sum(1)
        return errors
