"""The base class of all saliency networks: encoder, decoder, heads, training and inference."""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from common.errors import InputError
from samnet.networks.config import MIN_SIZE
from samnet.networks.layers import enlarge
from samnet.networks.pyramid import Pyramid


class NetworkConfig(Protocol):
    """What the rest of the project asks of a network's configuration."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the encoder's first five maps."""
        ...

    @property
    def decoder_stride(self) -> int:
        """Stride of the decoder's main map."""
        ...

    @property
    def corners_aligned(self) -> bool:
        """Whether a map's corners are the photo's when it is enlarged, or its pixels' centers."""
        ...

    def to_dict(self) -> dict[str, object]:
        """Return plain values, as stored in a checkpoint."""
        ...


class Head(nn.Sequential):
    """One saliency logit a position: (N, C, H, W) to (N, 1, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout2d(0.1)
        self.conv = nn.Conv2d(channels, 1, 1)


class SaliencyNetwork(nn.Module):
    """An encoder, a decoder and a head for each map; subclasses set these in their constructor.

    In training mode the forward pass maps normalized photos (N, 3, H, W) to the logits of all
    maps, each (N, 1, H, W), main map first. In evaluation mode it returns the main map's
    probability alone, (N, 1, H, W) in 0 to 1. H and W may be any size from 64, odd ones too.

    Attributes:
        config: which network; a checkpoint stores it.
        encoder: photos to maps, of which the second to the fifth are at strides 4, 8, 16, 32.
        pyramid: context of the encoder's fifth map, or None.
        decoder: the encoder's maps and the context to one fused map a head, main one first.
        heads: an ``Identity`` stands for a map that the decoder does not give.
    """

    config: NetworkConfig
    encoder: nn.Module
    pyramid: Pyramid | None
    decoder: nn.Module
    heads: nn.ModuleList

    @property
    def decoded_heads(self) -> list[Head]:
        """The heads of the maps that the decoder gives, the main one first."""
        return [head for head in self.heads if isinstance(head, Head)]

    def fuse(self, stages: list[Tensor]) -> list[Tensor]:
        """Fuse the encoder's maps to as many decoded maps as there are heads."""
        context = self.pyramid(stages[-1]) if self.pyramid is not None else None
        return cast(list[Tensor], self.decoder(stages, context))

    def features(self, x: Tensor) -> list[Tensor]:
        """Compute the decoder's fused maps of photos.

        Raises:
            InputError: if x is not (N, 3, H, W) with H and W of at least 64.
        """
        check_input(x)
        return self.fuse(self.encoder(x))

    def enlarge(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """Enlarge a head's map (N, 1, H, W) to (N, 1, *size), bilinearly and as it is trained."""
        return enlarge(maps, size, aligned=self.config.corners_aligned)

    def logits(self, x: Tensor) -> Tensor:
        """Compute the main map's logits as the decoder gives them: (N, 3, H, W) to (N, 1, h, w).

        h and w are H and W over the decoder's stride, rounded up.
        """
        return cast(Tensor, self.decoded_heads[0](self.features(x)[0]))

    def decode(self, stages: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        """Compute the logits of all maps at a size, main one first, from the encoder's maps."""
        pairs = zip(self.decoded_heads, self.fuse(stages), strict=True)
        return [self.enlarge(head(fused), size) for head, fused in pairs]

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Compute the maps of normalized photos (N, 3, H, W).

        Returns:
            In training mode the logits of every head, each (N, 1, H, W); otherwise the saliency
            map (N, 1, H, W), 0 to 1.

        Raises:
            InputError: if x is not (N, 3, H, W) with H and W of at least 64.
        """
        size = (x.shape[-2], x.shape[-1])
        if self.training:
            check_input(x)
            return self.decode(self.encoder(x), size)
        # The sigmoid stands before the upsampling, where it costs a quarter or less.
        return self.enlarge(torch.sigmoid(self.logits(x)), size)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Compute the probabilities of all maps, each (N, 1, H, W) in 0 to 1, main map first."""
        size = (x.shape[-2], x.shape[-1])
        pairs = zip(self.decoded_heads, self.features(x), strict=True)
        return [self.enlarge(torch.sigmoid(head(fused)), size) for head, fused in pairs]


def check_input(x: Tensor) -> None:
    """Refuse what no network here can take.

    Raises:
        InputError: if x is not (N, 3, H, W) with H and W of at least 64.
    """
    if x.dim() != 4 or x.shape[1] != 3 or min(x.shape[-2:]) < MIN_SIZE:
        raise InputError(
            f"the network got an input of shape {tuple(x.shape)}, expected (N, 3, H, W) with "
            f"H and W of at least {MIN_SIZE} px; resize the photo"
        )
