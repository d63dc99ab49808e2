"""The parts of a baseline: encoder, decoder and the channels between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from torch import nn

from samnet.networks.pyramid import Pyramid


@dataclasses.dataclass(frozen=True)
class Parts:
    """The modules of a network with fresh weights.

    Args:
        encoder: photos (N, 3, H, W) to a list of maps; the second to the fifth are at strides 4,
            8, 16 and 32, and whatever its decoder needs besides may follow.
        decoder: called with that list and None; gives the fused maps, main one first.
        fused: channels of the decoder's maps, each of which gets a head.
        pyramid: from the fifth map to what the decoder is called with in place of None.
    """

    encoder: nn.Module
    decoder: nn.Module
    fused: tuple[int, ...]
    pyramid: Pyramid | None = None


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What is known of a network before it is built.

    Args:
        channels: channels of the encoder's first five maps.
        stride: stride of the main map before it is enlarged to the photo.
        build: makes the parts; imports the library that has its layers.
    """

    channels: tuple[int, ...]
    stride: int
    build: Callable[[], Parts]
