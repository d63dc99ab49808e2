"""A baseline as a saliency network: its configuration, and the parts behind one interface."""

from __future__ import annotations

import dataclasses

from torch import nn

from common.errors import InputError, MissingPackageError
from samnet.networks.base import Head, SaliencyNetwork
from samnet.networks.baselines import ARCHITECTURES
from samnet.networks.config import StoredConfig
from samnet.networks.layers import initialize


@dataclasses.dataclass(frozen=True)
class BaselineConfig(StoredConfig):
    """Describes a baseline.

    Args:
        name: name of its architecture.

    Raises:
        InputError: for an unknown name.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in ARCHITECTURES:
            raise InputError(
                f"unknown baseline {self.name!r}; use one of {', '.join(ARCHITECTURES)}"
            )

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the encoder's first five maps."""
        return ARCHITECTURES[self.name].channels

    @property
    def decoder_stride(self) -> int:
        """Stride of the main map."""
        return ARCHITECTURES[self.name].stride

    @property
    def corners_aligned(self) -> bool:
        """Maps are enlarged corner on corner, as SAMNet's."""
        return True


class Baseline(SaliencyNetwork):
    """One of the systems that the paper compares SAMNet with.

    Args:
        config: which.

    Raises:
        InputError: if the library that has its layers is not installed.
    """

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__()
        self.config = config
        try:
            parts = ARCHITECTURES[config.name].build()
        except ImportError as error:
            raise MissingPackageError(
                f"{config.name} needs a package that is missing ({error.name}); "
                "pip install 'samnet[baselines]'"
            ) from error
        self.encoder, self.decoder, self.pyramid = parts.encoder, parts.decoder, parts.pyramid
        self.heads = nn.ModuleList(Head(channels) for channels in parts.fused)
        initialize(self)
