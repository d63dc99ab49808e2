"""Bias correction (Nagel et al. 2019, https://arxiv.org/abs/1906.04721, section 4.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InputError
from quantize.module_map import inside
from quantize.recipes import quantized_weight


class _Shift:
    """What rounding the weights of a convolution adds to its output, per channel on average."""

    def __init__(self, part: nn.Conv2d) -> None:
        self.error = quantized_weight(part.weight) - part.weight
        self.total = torch.zeros(part.out_channels)
        self.inputs = 0
        self.hook = part.register_forward_hook(self._observe)

    def _observe(self, part: nn.Conv2d, given: tuple[Tensor, ...], _: Tensor) -> None:
        y = F.conv2d(
            given[0], self.error, None, part.stride, part.padding, part.dilation, part.groups
        )
        self.total += y.mean(dim=(0, 2, 3))
        self.inputs += 1

    def mean(self) -> Tensor:
        """Average over all but the output channels, (C,)."""
        return self.total / self.inputs


def correct_biases(
    network: nn.Module, inputs: Iterable[Tensor], *, keep_float: Collection[str] = ()
) -> int:
    """Take out of every bias what rounding the weights adds to a convolution on average.

    Rounded weights W + e give y + e * x. The mean of e * x over photos and positions, a number an
    output channel, is measured on the float network (Eq. 17, with E[x] from photos in place of
    batch normalization's statistics) and subtracted from the bias. Convolutions without a bias
    stay as they are.

    Args:
        network: network with batch normalization folded; its biases are changed.
        inputs: the calibration photos, each (N, 3, S, S).
        keep_float: modules whose weights are not quantized.

    Returns:
        How many convolutions were corrected.

    Raises:
        InputError: if a shift is not finite.
    """
    with torch.no_grad():
        shifts = {
            name: (part.bias, _Shift(part))
            for name, part in network.named_modules()
            if isinstance(part, nn.Conv2d)
            and part.bias is not None
            and inside(name, keep_float) is None
        }
        try:
            for x in inputs:
                network(x)
        finally:
            for _, shift in shifts.values():
                shift.hook.remove()
        for name, (bias, shift) in shifts.items():
            mean = shift.mean()
            if not torch.isfinite(mean).all():
                raise InputError(
                    f"{name}: gives values that are not finite on the calibration photos; "
                    "train the checkpoint again"
                )
            bias.sub_(mean)
    return len(shifts)
