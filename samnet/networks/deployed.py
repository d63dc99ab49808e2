"""The deployed network: the part of a trained network that runs on a device.

Quantization and conversion both start from it, so that a float artifact and a quantized one
differ in nothing but their numbers. It ends with the decoder's logits: whoever uses a map enlarges
logits, which training supervises, and looks the sigmoid up in a table of 256 bytes
(:mod:`edge_apps.maps.coding`).
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from common.errors import InputError
from edge_apps.maps.coding import LOGITS, Coding
from samnet.networks.base import NetworkConfig, SaliencyNetwork
from samnet.networks.config import STAGES
from samnet.networks.layers import enlarge
from samnet.networks.preprocessing import Preprocessing

MULTIPLE = 32
"""Deployed sizes are multiples of this or equal to 336, the paper's size."""


class DeployedNetwork(nn.Module):
    """The main output alone: normalized photo (1, 3, S, S) to logits (1, 1, M, M).

    M is S divided by the stride. Side heads and dropout are gone. Batch normalization is still
    there: quantization-aware training and the converters fold it in their own way.

    Args:
        model: a network; its modules are shared, not copied.
        size: S, fixed at conversion.
        stride: of the map, the decoder's own if None. A smaller one has the graph enlarge the
            logits, for users who cannot.

    Raises:
        InputError: if there is no such size, or no such stride for this network.
    """

    def __init__(self, model: SaliencyNetwork, size: int, stride: int | None = None) -> None:
        super().__init__()
        _check_size(size)
        own = model.config.decoder_stride
        strides = [s for s in (1, 2, 4, 8) if s <= own]
        if stride not in (None, *strides):
            raise InputError(
                f"output stride is {stride}, expected {', '.join(map(str, strides))}: a map can be "
                f"as small as the decoder's, whose stride is {own}, or larger"
            )
        self.size = size
        self.stride = stride or own
        self.map_size = size // self.stride
        self.aligned = model.config.corners_aligned
        self.encoder = model.encoder
        self.pyramid: nn.Module | None = None
        if model.pyramid is not None:
            self.pyramid = model.pyramid.fixed(-(-size // 2**STAGES))
        self.decoder = model.decoder
        self.head = model.decoded_heads[0].conv

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits (N, 1, M, M) of normalized photos (N, 3, S, S)."""
        stages = self.encoder(x)
        context = self.pyramid(stages[-1]) if self.pyramid is not None else None
        logits = self.head(self.decoder(stages, context)[0])
        return enlarge(logits, (self.map_size, self.map_size), aligned=self.aligned)

    def example(self) -> tuple[Tensor]:
        """Return an input of the right shape."""
        return (torch.zeros(1, 3, self.size, self.size),)


def coding_of_network(config: NetworkConfig) -> Coding:
    """Tell what the bytes of a network's map stand for, and where they lie."""
    return dataclasses.replace(LOGITS, aligned=config.corners_aligned)


def deployed_size(asked: int | None, preprocessing: Preprocessing) -> int:
    """Return height and width of a deployed network's input in pixels.

    Args:
        asked: stride that the user asks for; None for the network's own.
        preprocessing: preprocessing of the network.

    Raises:
        InputError: if no network can be deployed at that size.
    """
    size = preprocessing.size if asked is None else asked
    _check_size(size)
    return size


def _check_size(size: int) -> None:
    if size < 96 or (size % MULTIPLE and size != 336):
        raise InputError(
            f"size {size} cannot be deployed; use 336 or a multiple of {MULTIPLE} from 96 up"
        )


class WholeNetwork(nn.Module):
    """The same for photos of any size from 64: (1, 3, H, W) to logits (1, 1, h, w).

    Args:
        model: a network.
    """

    def __init__(self, model: SaliencyNetwork) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Compute the main map's logits of normalized photos."""
        return self.model.logits(x)


class TensorInterface(nn.Module):
    """Wraps a deployed network: tensor (1, S, S, 3) float32 to logits (1, M, M) float32.

    The tensor holds (byte - zero_point) * scale, where both are the preprocessing's, the zero
    point rounded to a whole byte. What the rounding leaves is added here.

    Args:
        network: maps a normalized photo (1, 3, S, S) to (1, 1, M, M).
        preprocessing: the normalization.
    """

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.rest = rest_of_zero_point(preprocessing)

    def forward(self, photo: Tensor) -> Tensor:
        """Compute the logits (1, M, M) of a normalized photo (1, S, S, 3)."""
        x = photo.permute(0, 3, 1, 2)
        if self.rest:
            x = x + self.rest
        saliency_map: Tensor = self.network(x)
        return saliency_map.reshape(1, *saliency_map.shape[2:])


def byte_scale(preprocessing: Preprocessing) -> tuple[float, int]:
    """Return scale and zero point of the photo's bytes: a value is (byte - zero_point) * scale."""
    return 1 / (255 * preprocessing.std), min(255, max(0, round(255 * preprocessing.mean)))


def rest_of_zero_point(preprocessing: Preprocessing) -> float:
    """Compute what a zero point lacks for being a whole byte; mostly 0."""
    scale, zero_point = byte_scale(preprocessing)
    rest = (zero_point - 255 * preprocessing.mean) * scale
    return rest if abs(rest) > 1e-6 else 0.0


class ByteInterface(nn.Module):
    """Wraps a deployed network: photo (1, S, S, 3) uint8 to map (1, M, M) uint8.

    A byte of the map stands for a logit as :data:`edge_apps.maps.coding.LOGITS` says.

    Args:
        network: maps a normalized photo (1, 3, S, S) to logits (1, 1, M, M).
        preprocessing: the normalization, applied here once.
    """

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.scale = 1 / (255 * preprocessing.std)
        self.offset = preprocessing.mean / preprocessing.std

    def forward(self, photo: Tensor) -> Tensor:
        """Compute the coded map (1, M, M) uint8 of a photo (1, S, S, 3) uint8."""
        x = photo.permute(0, 3, 1, 2).to(torch.float32) * self.scale - self.offset
        logits: Tensor = self.network(x)[:, 0]
        return (logits / LOGITS.scale + (LOGITS.zero_point + 0.5)).clamp(0, 255).to(torch.uint8)
