"""The deployment graph: what of a trained network reaches a device.

Quantisation and conversion both start from it, so that a float artefact and a quantised one
differ in nothing but their numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge_apps.errors import InputError
from samnet.config import STAGES
from samnet.layers import resize
from samnet.preprocessing import Preprocessing
from samnet.saliency import SaliencyNetwork

MULTIPLE = 32
"""Deployed sizes are multiples of this or equal to 336, the paper's size."""


class DeployedNetwork(nn.Module):
    """The main output alone: normalised photo (1, 3, S, S) to probability (1, 1, M, M).

    M is S divided by the configuration's ``map_stride``.
    Side heads and dropout are gone. Batch normalisation is still there: quantisation-aware
    training and the converters fold it in their own way.

    Args:
        model: a network; its modules are shared, not copied.
        size: S, fixed at conversion.
    """

    def __init__(self, model: SaliencyNetwork, size: int) -> None:
        super().__init__()
        if size < 96 or (size % MULTIPLE and size != 336):
            raise InputError(
                f"size {size} cannot be deployed; use 336 or a multiple of {MULTIPLE} from 96 up"
            )
        self.size = size
        self.map_size = size // model.config.map_stride
        self.encoder = model.encoder
        self.pyramid: nn.Module | None = None
        if model.pyramid is not None:
            self.pyramid = model.pyramid.fixed(-(-size // 2**STAGES))
        self.decoder = model.decoder
        self.head = model.decoded_heads[0].conv

    def forward(self, x: Tensor) -> Tensor:
        stages = self.encoder(x)
        context = self.pyramid(stages[-1]) if self.pyramid is not None else None
        main = torch.sigmoid(self.head(self.decoder(stages, context)[0]))
        return resize(main, (self.map_size, self.map_size))

    def example(self) -> tuple[Tensor]:
        """An input of the right shape."""
        return (torch.zeros(1, 3, self.size, self.size),)


class TensorInterface(nn.Module):
    """Wraps a deployed network: tensor (1, S, S, 3) float32 to map (1, M, M) float32 in 0 to 1.

    The tensor holds (byte - zero_point) * scale, where both are the preprocessing's, the zero
    point rounded to a whole byte. What the rounding leaves is added here.

    Args:
        network: maps a normalised photo (1, 3, S, S) to a probability (1, 1, M, M).
        preprocessing: the normalisation.
    """

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.rest = rest_of_zero_point(preprocessing)

    def forward(self, photo: Tensor) -> Tensor:
        x = photo.permute(0, 3, 1, 2)
        if self.rest:
            x = x + self.rest
        probability: Tensor = self.network(x)
        return probability.reshape(1, *probability.shape[2:])


def byte_scale(preprocessing: Preprocessing) -> tuple[float, int]:
    """Scale and zero point of the photo's bytes: a value is (byte - zero_point) * scale."""
    return 1 / (255 * preprocessing.std), min(255, max(0, round(255 * preprocessing.mean)))


def rest_of_zero_point(preprocessing: Preprocessing) -> float:
    """What is missing to the exact value because a zero point is a whole byte; mostly 0."""
    scale, zero_point = byte_scale(preprocessing)
    rest = (zero_point - 255 * preprocessing.mean) * scale
    return rest if abs(rest) > 1e-6 else 0.0


class ByteInterface(nn.Module):
    """Wraps a deployed network: photo (1, S, S, 3) uint8 to map (1, M, M) uint8.

    Args:
        network: maps a normalised photo (1, 3, S, S) to a probability (1, 1, M, M).
        preprocessing: the normalisation, applied here once.
    """

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.scale = 1 / (255 * preprocessing.std)
        self.offset = preprocessing.mean / preprocessing.std

    def forward(self, photo: Tensor) -> Tensor:
        x = photo.permute(0, 3, 1, 2).to(torch.float32) * self.scale - self.offset
        probability = self.network(x)
        return (probability[:, 0] * 255 + 0.5).to(torch.uint8)
