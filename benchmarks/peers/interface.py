"""What a network of others takes and gives, beyond the shapes and types that its file says."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from common.images.photos import Bytes

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's photos, red, green and blue, values in 0 to 1."""


@dataclasses.dataclass(frozen=True)
class Quantization:
    """What codes of a tensor stand for: value = (code - zero_point) * scale."""

    scale: float
    zero_point: int


@dataclasses.dataclass(frozen=True)
class Interface:
    """How a photo goes into a network, and how its map comes out.

    A value of 0 to 255 goes in as (value / whole - mean) / std.

    Args:
        mean: of red, green and blue.
        std: likewise.
        whole: 255, or the brightest value of the photo.
        output: index of the output that holds the map.
        channel: of the map among several; None where there is one.
        activation: that the file leaves out, over the channels for ``softmax``.
        stretched: whether its authors stretch each map to the range of 0 to 1 (min-max).
    """

    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    whole: Literal["255", "brightest"] = "255"
    output: int = 0
    channel: int | None = None
    activation: Literal["none", "sigmoid", "softmax"] = "none"
    stretched: bool = False

    def floats(self, photo: Bytes) -> NDArray[np.float32]:
        """Normalize a photo (H, W, 3) uint8."""
        whole = max(int(photo.max()), 1) if self.whole == "brightest" else 255
        scale = (1 / (whole * np.array(self.std))).astype(np.float32)
        offset = (np.array(self.mean) / np.array(self.std)).astype(np.float32)
        normalized: NDArray[np.float32] = photo * scale - offset
        return normalized

    def codes(self, kind: str, quantization: Quantization) -> NDArray[Any]:
        """Tabulate the code of each byte, (256, 3), for a network whose input is quantized."""
        values = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        found = np.rint(self.floats(values) / quantization.scale) + quantization.zero_point
        limits = np.iinfo(kind)
        return np.asarray(np.clip(found, limits.min, limits.max), kind)

    def saliency_map(self, raw: NDArray[Any], quantization: Quantization | None) -> Bytes:
        """Make a map (H, W) uint8 of what the network gave out for one photo.

        Args:
            raw: (1, H, W), (1, 1, H, W), (1, H, W, 1), or with channels in place of 1.
            quantization: of ``raw``; None where it holds values.
        """
        values: NDArray[Any] = raw.astype(np.float32)
        if quantization is not None:
            values = (values - quantization.zero_point) * np.float32(quantization.scale)
        axis = _channels(values.shape)
        if self.activation == "softmax":
            values = np.exp(values - values.max(axis, keepdims=True))
            values = values / values.sum(axis, keepdims=True)
        elif self.activation == "sigmoid":
            values = 1 / (1 + np.exp(-values))
        if self.channel is not None:
            values = np.take(values, self.channel, axis)
        values = values.reshape([side for side in values.shape if side > 1])
        if self.stretched and (span := float(np.ptp(values))) > 0:
            values = (values - values.min()) / span
        return np.asarray(np.rint(values.clip(0, 1) * 255), np.uint8)


def _channels(shape: tuple[int, ...]) -> int:
    """Find the axis of the channels: the shorter one of the second and the last."""
    return -1 if shape[-1] < shape[1] else 1
