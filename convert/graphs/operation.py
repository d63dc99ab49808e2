"""The representation of an operation, with everything left out that changes no value."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Scheme = tuple[float, int]
"""Scale, as float32 holds it, and zero point of a tensor in int8 or int16."""


@dataclasses.dataclass(eq=False)
class Operation:
    """What gives a tensor its values.

    Changes of shape, padding, activations that clip, and quantization itself are no operations
    here: converters add, merge and drop them.

    Args:
        name: the torch module for a convolution, else the graph's own name.
        kind: as ``product`` (a convolution or a matrix product with constant weights), ``add``.
        operands: what it takes, constants left out.
        weights: (channels,) float32 scales; None where it has no quantized weights.
        tensors: those that hold its result, by the graph's own numbers: what it gives, and what
            changes of shape, padding, clipping and quantization make of that. Only graphs of
            programs and of ``.tflite`` files fill it.
    """

    name: str
    kind: str
    operands: Sequence[Operand] = ()
    weights: NDArray[np.float32] | None = None
    tensors: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Operand:
    """A tensor on its way from one operation to the next.

    Args:
        source: the operation that made it.
        schemes: how it is quantized on the way, each change once; empty for a float tensor.
    """

    source: Operation
    schemes: tuple[Scheme, ...]


def scheme(scale: float, zero_point: int, *, unsigned: bool = False) -> Scheme:
    """Build a scheme; unsigned bytes are written as the int8 codes that they are, 128 lower."""
    return float(np.float32(scale)), int(zero_point) - (128 if unsigned else 0)


def trace(
    last: int, step: Callable[[int], tuple[Scheme | None, int | None]]
) -> tuple[int, tuple[Scheme, ...]]:
    """Walk back from a tensor over everything that changes no value.

    Args:
        last: the tensor to start from.
        step: gives a tensor's scheme, None for float, and the tensor before it, None where an
            operation made it.

    Returns:
        The tensor as its operation made it, and the schemes in the order of execution.
    """
    schemes: list[Scheme] = []
    tensor: int | None = last
    while tensor is not None:
        last = tensor
        found, tensor = step(last)
        if found is not None and (not schemes or schemes[0] != found):
            schemes.insert(0, found)
    return last, tuple(schemes)
