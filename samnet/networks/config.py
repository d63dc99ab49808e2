"""The configuration of the network: every choice that the paper's Tables IV and V vary."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, get_args

from common.decode import decode
from common.errors import InputError

Attention = Literal["softmax", "stick_breaking", "none", "channel", "spatial"]
SpatialMaps = Literal["shared", "per_branch"]

STAGES = 5
"""Number of encoder stages, each halving the resolution (Table I)."""

MIN_SIZE = 64
"""Smallest input height and width in pixels: stage 5 then still has 2x2 positions."""

FORMER = ("map_stride",)
"""Fields that older checkpoints have beside: the stride of the deployed map, which is chosen when a
network is deployed and is no property of it."""


@dataclasses.dataclass(frozen=True)
class StoredConfig:
    """A network's configuration as checkpoints hold it; each kind of network has its own."""

    LATER: ClassVar[tuple[str, ...]] = ()
    """Fields that older checkpoints lack; the defaults are what those mean."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as stored in a checkpoint."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Invert :meth:`to_dict`.

        Raises:
            InputError: for unknown or missing fields, or values of the wrong kind.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        found = {name: value for name, value in values.items() if name not in FORMER}
        if not known - set(cls.LATER) <= set(found) <= known:
            raise InputError(
                f"network configuration has the fields {sorted(found)}, expected {sorted(known)}; "
                "the checkpoint is of another network or version"
            )
        try:
            return decode(cls, found)
        except TypeError as error:
            raise InputError(f"network configuration cannot be read: {error}") from error


@dataclasses.dataclass(frozen=True)
class SAMNetConfig(StoredConfig):
    """Describes one SAMNet. The defaults are the network of the paper.

    Args:
        attention: how the branches of a SAM module are weighted. ``softmax`` is the paper's
            stereoscopic attention (Eq. 13); ``stick_breaking`` replaces the softmax by a chain
            of sigmoid gates whose weights sum to 1 as well, which int8 runtimes execute without
            leaving their fast path; ``channel`` (Eq. 10) and ``spatial`` (Eq. 12) use one of
            the two factors; ``none`` sums the branches (Eq. 3). Table IV.
        spatial_maps: ``shared`` has one spatial logit map for all branches, as the released
            network does; ``per_branch`` has one for each, as Eq. 11 says.
        pyramid_pooling: whether stage 6, the pyramid pooling module, is present. Table IV.
        dilation_rates: for each of the five stages the dilation rates of its SAM modules'
            branches; an empty tuple leaves the common convolution alone, Table IV's single
            branch. Table V.
        modules: SAM modules in each stage, 0 leaves only the convolution that halves the
            resolution. Table V.
        width: multiplies every channel count; results are rounded to multiples of 4. Table V.
        attention_from: the first stage, 1 to 5, whose modules weight their branches; those of
            earlier stages sum them, as with ``none``. Attention costs most on the largest maps.
        decoder_stride: stride of the map before it is enlarged to the photo. The paper's is 2; 4
            ends the decoder at stage 2 and spares the network its largest maps.
        decoder_kernel: kernel of the fusing convolutions of stages 1 to 3. The paper's is 5.

    Raises:
        InputError: if a value is outside what the network can be built with.
    """

    LATER: ClassVar[tuple[str, ...]] = ("attention_from", "decoder_stride", "decoder_kernel")

    attention: Attention = "softmax"
    spatial_maps: SpatialMaps = "shared"
    pyramid_pooling: bool = True
    dilation_rates: tuple[tuple[int, ...], ...] = (
        (1, 2, 3),
        (1, 2, 3),
        (1, 2, 3),
        (1, 2, 3),
        (1, 2),
    )
    modules: tuple[int, ...] = (1, 1, 3, 6, 3)
    width: float = 1.0
    attention_from: int = 1
    decoder_stride: int = 2
    decoder_kernel: int = 5

    def __post_init__(self) -> None:
        if self.attention not in get_args(Attention):
            raise InputError(
                f"unknown attention {self.attention!r}; use one of {', '.join(get_args(Attention))}"
            )
        if self.spatial_maps not in get_args(SpatialMaps):
            raise InputError(
                f"unknown spatial_maps {self.spatial_maps!r}; "
                f"use one of {', '.join(get_args(SpatialMaps))}"
            )
        if len(self.dilation_rates) != STAGES or len(self.modules) != STAGES:
            raise InputError(
                f"dilation_rates has {len(self.dilation_rates)} and modules {len(self.modules)} "
                f"entries; give one for each of the {STAGES} stages"
            )
        if any(min(rates, default=1) < 1 for rates in self.dilation_rates):
            raise InputError(f"dilation_rates {self.dilation_rates} must all be at least 1")
        if not 1 <= self.attention_from <= STAGES:
            raise InputError(
                f"attention_from is {self.attention_from}, expected a stage from 1 to {STAGES}"
            )
        for rates, attention in zip(self.dilation_rates, self.attentions, strict=True):
            if attention != "none" and not rates:
                raise InputError(
                    f"dilation_rates {self.dilation_rates} leave a stage without branches, of "
                    f"which {attention} attention needs at least one; add rates or use attention "
                    "none"
                )
        if min(self.modules) < 0:
            raise InputError(f"modules {self.modules} must be at least 0 in every stage")
        if not 0.1 <= self.width <= 4:
            raise InputError(f"width {self.width} is outside 0.1 to 4; the paper uses 0.75 to 1.25")
        if self.decoder_stride not in (2, 4):
            raise InputError(f"decoder_stride is {self.decoder_stride}, expected 2 or 4")
        if self.decoder_kernel not in (3, 5):
            raise InputError(f"decoder_kernel is {self.decoder_kernel}, expected 3 or 5")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the five encoder stages, (16, 32, 64, 96, 128) at width 1."""
        return tuple(max(8, round(c * self.width / 4) * 4) for c in (16, 32, 64, 96, 128))

    @property
    def attentions(self) -> tuple[Attention, ...]:
        """The attention of each stage's modules."""
        return tuple(
            self.attention if stage >= self.attention_from else "none"
            for stage in range(1, STAGES + 1)
        )

    @property
    def corners_aligned(self) -> bool:
        """Maps are enlarged corner on corner, as in the paper's code."""
        return True
