"""Depthwise convolutions whose backward pass is as fast as their forward pass.

oneDNN, which computes them on a CPU, has no depthwise code for the gradients of a dilated
convolution, nor for that of a kernel wider than three: it falls back to one that treats sixteen
channels as if each depended on all. Both gradients can be had from what it does well. That of the
input is a convolution of the output's gradient with the mirrored kernel, dilated as before. That
of the weights is the undilated one between the phases of both, every d-th row and column; with
the channels last, the phases of the columns are nothing but more channels.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

COLUMNS = 3
"""Widest kernel whose gradient oneDNN computes depthwise."""


def in_training_step(x: Tensor) -> bool:
    """Tell whether a gradient will flow back to x on a CPU with the channels last, nothing traced.

    What is faster in such a step alone asks this first; graphs, evaluation and other devices keep
    the plain form.
    """
    return (
        x.requires_grad
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
    )


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution of stride 1 that keeps height and width.

    It computes what ``nn.Conv2d`` does, and in training on a CPU the same gradients sooner.

    Args:
        channels: channels of input and output.
        kernel_size: odd height and width of the kernel.
        dilation: distance of its taps.
    """

    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        padding = dilation * (kernel_size - 1) // 2
        super().__init__(
            channels, channels, kernel_size, 1, padding, dilation, groups=channels, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, C, H, W), with the fast backward pass where torch has a slow one."""
        slow = self.dilation[0] > 1 or self.kernel_size[1] > COLUMNS
        if self.training and slow and in_training_step(x):
            return cast(Tensor, _Depthwise.apply(x, self.weight, self.dilation[0]))
        return super().forward(x)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.dilation = dilation
        return _convolve(x, weight, dilation)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        of_input = of_weight = None
        if ctx.needs_input_grad[0]:
            of_input = _convolve(gradient, weight.flip(2, 3), ctx.dilation)
        if ctx.needs_input_grad[1]:
            of_weight = _weight_gradient(x, gradient, weight, ctx.dilation)
        return of_input, of_weight, None


def _convolve(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    padding = dilation * (weight.shape[-1] - 1) // 2
    return F.conv2d(x, weight, None, 1, padding, dilation, groups=len(weight))


def _phases(x: Tensor, d: int) -> Tensor:
    """Split (N, C, H, W) into phases (N * d, d * C, H / d, W / d), zeros filling the last ones."""
    n, c, h, w = x.shape
    if h % d or w % d:
        x = F.pad(x, (0, -w % d, 0, -h % d))
    h, w = -(-h // d), -(-w // d)
    rows = x.permute(0, 2, 3, 1).reshape(n, h, d, w, d * c).transpose(1, 2)
    return rows.reshape(n * d, h, w, d * c).permute(0, 3, 1, 2)


def _weight_gradient(x: Tensor, gradient: Tensor, weight: Tensor, d: int) -> Tensor:
    kernel = weight.shape[-1]
    margin = kernel // 2
    x, gradient = _phases(x, d), _phases(gradient, d)
    if kernel <= COLUMNS:
        of_weight = _undilated_weight_gradient(x, gradient, kernel, kernel, margin)
    else:
        # A few columns of the kernel at a time, each on the columns of x that it meets.
        x, width = F.pad(x, (margin, margin)), gradient.shape[3]
        parts = []
        for start in range(0, kernel, COLUMNS):
            columns = min(COLUMNS, kernel - start)
            met = x[..., start : start + width + columns - 1]
            parts.append(_undilated_weight_gradient(met, gradient, kernel, columns, 0))
        of_weight = torch.cat(parts, dim=3)
    return of_weight.view(d, *weight.shape).sum(0)


def _undilated_weight_gradient(
    x: Tensor, gradient: Tensor, rows: int, columns: int, margin: int
) -> Tensor:
    channels = gradient.shape[1]
    _, of_weight, _ = torch.ops.aten.convolution_backward(
        gradient,
        x,
        x.new_empty(channels, 1, rows, columns),
        None,
        [1, 1],
        [rows // 2, margin],
        [1, 1],
        False,
        [0, 0],
        channels,
        [False, True, False],
    )
    return cast(Tensor, of_weight)
