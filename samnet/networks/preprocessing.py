"""Normalization of a photo to the network's input."""

from __future__ import annotations

import dataclasses
import math

from common.errors import InputError
from samnet.networks.config import MIN_SIZE

MEAN = 128 / 255
STD = 64 / 255


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Normalization and input size that travel with a network's weights.

    One mean and one scale serve all three channels, and both are multiples of a byte's step: the
    normalized value of byte b is (b - 128) / 64, which an int8 input of scale 1/64 and zero point
    0 represents exactly. Quantized artifacts therefore take the camera's bytes as they are.

    Args:
        mean: subtracted from a value in 0 to 1.
        std: divides the difference.
        size: height and width in pixels at which the network is meant to run.
    """

    mean: float = MEAN
    std: float = STD
    size: int = 336

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.std) and self.std > 0):
            raise InputError(f"preprocessing mean {self.mean} or std {self.std} is unusable")
        if self.size < MIN_SIZE:
            raise InputError(f"input size {self.size} is below {MIN_SIZE} px; choose a larger one")
