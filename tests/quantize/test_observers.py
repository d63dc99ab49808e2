"""Ranges of activations over calibration photos."""

from __future__ import annotations

import pytest
import torch
from torchao.quantization.pt2e import MinMaxObserver

from quantize.observers import PercentileObserver, SquaredErrorObserver

INT8 = {
    "dtype": torch.int8,
    "qscheme": torch.per_tensor_affine,
    "quant_min": -128,
    "quant_max": 127,
}


def observed(*peaks: float) -> PercentileObserver:
    observer = PercentileObserver(**INT8)
    for peak in peaks:
        x = torch.tensor([-1.0, 0.0, peak])
        assert observer(x) is x
    return observer


def test_one_odd_photo_does_not_widen_the_range() -> None:
    observer = observed(*[2.0] * 19, 500.0)
    scale, zero_point = observer.calculate_qparams()
    assert scale.item() == pytest.approx(3 / 255)
    assert zero_point.item() == -128 + 85
    # The extremes themselves are kept, for the check that all were finite.
    assert (observer.min_val.item(), observer.max_val.item()) == (-1.0, 500.0)


def test_common_extremes_are_kept() -> None:
    assert observed(*[2.0] * 10, *[4.0] * 10).range()[1].item() == 4.0


@pytest.mark.parametrize("kind", [PercentileObserver, SquaredErrorObserver])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_values_that_are_not_finite_stay_visible(kind, value: float) -> None:
    observer = kind(**INT8)
    for peak in (*[2.0] * 50, value, 2.0):
        observer(torch.tensor([-1.0, 0.0, peak]))
    assert not torch.isfinite(observer.max_val)


def squared_error(x: torch.Tensor, observer: torch.nn.Module) -> float:
    scale, zero_point = observer.calculate_qparams()
    low, high = observer.quant_min, observer.quant_max
    rounded = torch.fake_quantize_per_tensor_affine(x, scale, zero_point.int(), low, high)
    return (rounded - x).square().mean().item()


def test_the_squared_error_is_less_than_that_of_the_extremes() -> None:
    generator = torch.Generator().manual_seed(0)
    photos = [torch.randn(4000, generator=generator) for _ in range(8)]
    photos[5][7] = 40.0
    # With few codes a single value is worth less than finer steps for all others.
    int4 = INT8 | {"quant_min": -8, "quant_max": 7}
    observer = SquaredErrorObserver(**int4)
    for photo in photos:
        assert observer(photo) is photo
    values = torch.cat(photos)
    extremes = MinMaxObserver(**int4)
    extremes(values)
    clipped = squared_error(values, observer)
    assert clipped < 0.2 * squared_error(values, extremes)
    low, high = (end.item() for end in observer.range())
    assert -4 < low < -1 and 2 < high < 8


def test_evenly_spread_values_are_not_clipped() -> None:
    observer = SquaredErrorObserver(**INT8)
    observer(torch.linspace(-0.5, 1.5, 5000))
    assert [end.item() for end in observer.range()] == pytest.approx([-0.5, 1.5])


def test_a_growing_histogram_loses_no_values() -> None:
    observer = SquaredErrorObserver(**INT8)
    for peak in (1e-4, 1.0, 300.0, 2.0):
        observer(torch.linspace(-peak, peak, 1000))
    assert observer._counts.sum().item() == 4000


def test_a_dead_tensor_gets_a_scale() -> None:
    for kind in (PercentileObserver, SquaredErrorObserver):
        observer = kind(**INT8, eps=2.0**-12)
        observer(torch.zeros(10))
        assert observer.calculate_qparams()[0].item() == 2.0**-12
