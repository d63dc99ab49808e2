"""Ranges of activations over calibration photos."""

from __future__ import annotations

import pytest
import torch

from quantize.observers import PercentileObserver


def observed(*peaks: float) -> PercentileObserver:
    observer = PercentileObserver(
        dtype=torch.int8, qscheme=torch.per_tensor_affine, quant_min=-128, quant_max=127
    )
    for peak in peaks:
        x = torch.tensor([-1.0, 0.0, peak])
        assert observer(x) is x
    return observer


def test_one_odd_photo_does_not_widen_the_range() -> None:
    observer = observed(*[2.0] * 19, 500.0)
    scale, zero_point = observer.calculate_qparams()
    assert scale.item() == pytest.approx(3 / 255)
    assert zero_point.item() == -128 + 85
    assert (observer.min_val.item(), observer.max_val.item()) == (-1.0, 2.0)


def test_common_extremes_are_kept() -> None:
    assert observed(*[2.0] * 10, *[4.0] * 10).max_val.item() == 4.0


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_values_that_are_not_finite_stay_visible(value: float) -> None:
    assert not torch.isfinite(observed(*[2.0] * 50, value).max_val)
