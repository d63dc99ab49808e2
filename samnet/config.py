"""The configuration of the network: every choice that the paper's Tables IV and V vary."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

from edge_apps.errors import InputError

Attention = Literal["softmax", "stick_breaking", "none", "channel", "spatial"]
SpatialMaps = Literal["shared", "per_branch"]

STAGES = 5
"""Number of encoder stages, each halving the resolution (Table I)."""

MIN_SIZE = 64
"""Smallest input height and width in pixels: stage 5 then still has 2x2 positions."""


@dataclasses.dataclass(frozen=True)
class SAMNetConfig:
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
            branches. Table V.
        modules: SAM modules in each stage. Table V.
        width: multiplies every channel count; results are rounded to multiples of 4. Table V.

    Raises:
        InputError: if a value is outside what the network can be built with.
    """

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
        if any(not rates or min(rates) < 1 for rates in self.dilation_rates):
            raise InputError(
                f"dilation_rates {self.dilation_rates} must hold at least one rate >= 1 a stage"
            )
        if min(self.modules) < 1:
            raise InputError(f"modules {self.modules} must be at least 1 in every stage")
        if not 0.1 <= self.width <= 4:
            raise InputError(f"width {self.width} is outside 0.1 to 4; the paper uses 0.75 to 1.25")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the five encoder stages, (16, 32, 64, 96, 128) at width 1."""
        return tuple(max(8, round(c * self.width / 4) * 4) for c in (16, 32, 64, 96, 128))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored in a checkpoint."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SAMNetConfig:
        """The inverse of :meth:`to_dict`.

        Raises:
            InputError: for unknown or missing fields, or values of the wrong kind.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if set(values) != known:
            raise InputError(
                f"network configuration has the fields {sorted(values)}, "
                f"expected {sorted(known)}; the checkpoint is of another network or version"
            )
        try:
            rates = tuple(tuple(int(r) for r in stage) for stage in values["dilation_rates"])
            modules = tuple(int(m) for m in values["modules"])
            width = float(values["width"])
        except (TypeError, ValueError) as error:
            raise InputError(f"network configuration cannot be read: {error}") from error
        return cls(
            attention=values["attention"],
            spatial_maps=values["spatial_maps"],
            pyramid_pooling=bool(values["pyramid_pooling"]),
            dilation_rates=rates,
            modules=modules,
            width=width,
        )
