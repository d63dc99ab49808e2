"""Translates a recipe's schemes to torchao's quantization specs.

Training takes FakeQuantize and not FusedMovingAvgObsFakeQuantize: the fused kernel computes with
scales of its own, a 128th smaller where a channel's largest weight is negative and never below
6.1e-5, while the conversion takes those of the observer. What learned would not be converted.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torchao.quantization.pt2e import (
    FakeQuantize,
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    PerChannelMinMaxObserver,
)
from torchao.quantization.pt2e.quantizer import FixedQParamsQuantizationSpec, QuantizationSpec

from quantize.observers import PercentileObserver, SquaredErrorObserver
from quantize.recipes import WEIGHT_EPS, WEIGHT_MAX, Activations, Fixed

Observer = Literal["histogram", "minmax", "mse", "percentile"]


def fixed_spec(scheme: Activations, fixed: Fixed) -> FixedQParamsQuantizationSpec:
    """Specify a scale and zero point that are known beforehand."""
    return FixedQParamsQuantizationSpec(
        dtype=scheme.dtype,
        scale=fixed.scale,
        zero_point=fixed.zero_point,
        quant_min=scheme.low,
        quant_max=scheme.high,
        qscheme=torch.per_tensor_affine,
    )


def activation_spec(scheme: Activations, observer: Observer, *, qat: bool) -> QuantizationSpec:
    """Specify one observed scale a tensor."""
    if qat:
        constructor: Any = FakeQuantize.with_args(
            observer=MovingAverageMinMaxObserver, eps=scheme.eps
        )
    else:
        kinds = {
            "histogram": HistogramObserver,
            "minmax": MinMaxObserver,
            "mse": SquaredErrorObserver,
            "percentile": PercentileObserver,
        }
        constructor = kinds[observer].with_args(eps=scheme.eps)
    return QuantizationSpec(
        dtype=scheme.dtype,
        quant_min=scheme.low,
        quant_max=scheme.high,
        qscheme=torch.per_tensor_symmetric if scheme.symmetric else torch.per_tensor_affine,
        observer_or_fake_quant_ctr=constructor,
    )


def weight_spec(*, qat: bool) -> QuantizationSpec:
    """Specify int8, symmetric, one scale an output channel."""
    constructor: Any = (
        FakeQuantize.with_args(
            observer=MovingAveragePerChannelMinMaxObserver, averaging_constant=1.0, eps=WEIGHT_EPS
        )
        if qat
        else PerChannelMinMaxObserver.with_args(eps=WEIGHT_EPS)
    )
    return QuantizationSpec(
        dtype=torch.int8,
        quant_min=-WEIGHT_MAX,
        quant_max=WEIGHT_MAX,
        qscheme=torch.per_channel_symmetric,
        ch_axis=0,
        observer_or_fake_quant_ctr=constructor,
    )
