"""The quantization recipes: which kind of operation gets which scheme.

They are named after the law of ai-edge-quantizer. In all of them weights of convolutions and
matrix products are int8, symmetric, one scale an output channel; they differ in the activations.

==========================  ======================  ====================  =================
kind                        ``static_wi8_ai8``      ``static_wi8_ai16``   ``dynamic_wi8_afp32``
==========================  ======================  ====================  =================
activation, one scale       int8, affine, observed  int16, zero point 0,  float
a tensor                    on photos               observed on photos
input                       1/64, zero point 0      1/16384, 0            float
sigmoid                     1/256, zero point -128  1/32768, 0            float
gate logits, products that  1/16, zero point 0      1/4096, 0             float
a sigmoid follows
map, logits at the end      1/16, zero point 0      1/4096, 0             float
global average              observed, then settled  observed              float
bilinear resize, reshape    keep the scale of what they are given         float
concatenation               one scale for inputs    convolutions of its   float
                            and output              parts, summed
softmax over branches       float                   float                 float
==========================  ======================  ====================  =================

* The input's scale makes a camera's byte its own code (see
  :class:`samnet.networks.preprocessing.Preprocessing`); in sixteen bits it is 256 times its code.
* Runtimes demand the scale of a sigmoid.
* Gate logits reach far beyond the 8 at which a sigmoid ends; with a scale for their whole range
  one code more or less would move a gate by a third.
* The map's logits end at 8 as well, where a sigmoid is 0.9997; one scale for all networks lets
  whoever reads maps look them up in one table.
* Global averages have scales that no processor rounds otherwise: :mod:`quantize.global_averages`.
* The softmax over the branches of a SAM module stays in float, from the logits' product to the
  division: no int8 runtime has a fast exponential, maximum or division, and its weights would
  lose most of their precision in eight bits.
* A runtime may quantize the float activations of ``dynamic_wi8_afp32`` on the fly; a program in
  torch computes with them as they are.

Any recipe can keep named modules in float: the mixed variant of it. Their weights and everything
computed inside stay float; what they are given was quantized by its producer, and what they give
is quantized by an int8 consumer.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import torch
from torch import Tensor

Name = Literal["static_wi8_ai8", "static_wi8_ai16", "dynamic_wi8_afp32"]

WEIGHT_MAX = 127
WEIGHT_EPS = 2.0**-20
"""Largest code and smallest scale of weights. Depthwise filters with folded batch normalization
have channels whose largest weight is far below 127 * 2**-12, the usual bound; runtimes accept
ratios of scales down to 2**-32."""


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A scale and zero point that do not depend on photos."""

    scale: float
    zero_point: int


@dataclasses.dataclass(frozen=True)
class Activations:
    """What happens to a tensor between two operations.

    Args:
        dtype: type of the codes.
        low: smallest code.
        high: largest code.
        symmetric: whether the zero point is always 0.
        eps: smallest scale; it keeps that of a dead tensor finite.
        input: scheme of the photo.
        sigmoid: scheme of the output of every sigmoid.
        gate: scheme of products that only sigmoids take.
        map: scheme of the logits that the network gives.
        concatenates: whether the converters know a concatenation of such tensors; otherwise
            convolutions of one become sums, see :mod:`quantize.split_concat`.
    """

    dtype: torch.dtype
    low: int
    high: int
    symmetric: bool
    eps: float
    input: Fixed
    sigmoid: Fixed
    gate: Fixed
    map: Fixed
    concatenates: bool = True


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A named variant.

    Args:
        name: a key of ``RECIPES``.
        activations: None leaves them in float.
        keep_float: torch names of the modules of a
            :class:`samnet.networks.deployed.DeployedNetwork` that stay in float.
    """

    name: Name
    activations: Activations | None
    keep_float: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write it as programs and manifests record it: ``static_wi8_ai8+float(head,pyramid)``."""
        return self.name + (f"+float({','.join(self.keep_float)})" if self.keep_float else "")

    def keeping(self, modules: tuple[str, ...]) -> Recipe:
        """Return the mixed variant that keeps modules in float."""
        return dataclasses.replace(self, keep_float=tuple(sorted(set(modules))))


INT8 = Activations(
    torch.int8,
    -128,
    127,
    False,
    2.0**-12,
    Fixed(1 / 64, 0),
    Fixed(1 / 256, -128),
    Fixed(1 / 16, 0),
    Fixed(1 / 16, 0),
)
INT16 = Activations(
    torch.int16,
    -32768,
    32767,
    True,
    2.0**-20,
    Fixed(1 / 16384, 0),
    Fixed(1 / 32768, 0),
    Fixed(1 / 4096, 0),
    Fixed(1 / 4096, 0),
    concatenates=False,
)

STATIC_WI8_AI8 = Recipe("static_wi8_ai8", INT8)
STATIC_WI8_AI16 = Recipe("static_wi8_ai16", INT16)
DYNAMIC_WI8_AFP32 = Recipe("dynamic_wi8_afp32", None)

RECIPES: dict[Name, Recipe] = {
    recipe.name: recipe for recipe in (STATIC_WI8_AI8, STATIC_WI8_AI16, DYNAMIC_WI8_AFP32)
}


def weight_scales(weight: Tensor) -> Tensor:
    """Compute the scale of each output channel of a weight (O, ...): (O,)."""
    return (weight.flatten(1).abs().amax(1) / WEIGHT_MAX).clamp(min=WEIGHT_EPS)


def quantized_weight(weight: Tensor) -> Tensor:
    """Round a weight (O, ...) to what its int8 codes represent."""
    scales = weight_scales(weight)
    zeros = torch.zeros(len(scales), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scales, zeros, 0, -WEIGHT_MAX, WEIGHT_MAX)
