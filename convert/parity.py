"""The gate every artefact passes: its maps compared with those of its origin."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from edge_apps.errors import InputError
from edge_apps.manifest import Precision
from edge_apps.photos import Bytes

Runner = Callable[[Bytes], Bytes]
"""Maps a photo (S, S, 3) uint8 to a map (M, M) uint8."""


@dataclasses.dataclass(frozen=True)
class Parity:
    """How far two networks' maps lie apart, in steps of 1/255 or 1/256 of the map's byte.

    Args:
        reference: what the artefact was compared with.
        photos: how many were compared.
        max: largest difference of a pixel.
        mean: mean absolute difference.
        within_2: share of pixels that differ by at most 2.
        worst: name of the photo with the largest mean difference, and that difference.
        worst_mean: see worst.
    """

    reference: str
    photos: int
    max: int
    mean: float
    within_2: float
    worst: str
    worst_mean: float

    def figures(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return (
            f"against {self.reference} on {self.photos} photos: max {self.max} LSB, mean "
            f"{self.mean:.3f}, {100 * self.within_2:.2f} % within 2, worst {self.worst} "
            f"({self.worst_mean:.3f})"
        )


@dataclasses.dataclass(frozen=True)
class Limit:
    """What a gate lets through.

    Args:
        mean: largest mean absolute difference, in LSB.
        within_2: smallest share of pixels within 2 LSB.
    """

    mean: float
    within_2: float

    def holds(self, parity: Parity) -> bool:
        """Whether the comparison keeps the limit."""
        return parity.mean <= self.mean and parity.within_2 >= self.within_2

    def check(self, parity: Parity) -> None:
        """Raises InputError if the comparison misses the limit."""
        if not self.holds(parity):
            raise InputError(
                f"the artefact differs from its origin {parity}; allowed are a mean of "
                f"{self.mean:g} LSB and {100 * self.within_2:g} % within 2; nothing was written"
            )


FLOAT_LIMIT = Limit(mean=0.05, within_2=0.999)
"""Float artefacts differ only where a rounding to bytes tips over."""

INT8_LIMIT = Limit(mean=6.0, within_2=0.5)
"""Catches gross errors only, such as swapped channels. One code that falls between two can move a
map of the program itself by as much as a lost scale does, so whole maps cannot tell them apart;
:mod:`convert.stepwise` does, and what the drift costs is measured as accuracy on a data set."""


INTEGER_LIMIT = Limit(mean=0.5, within_2=0.97)
"""Against the program in the runtime's own integers. Mostly nothing differs; now and then a code
that the modelled arithmetic rounds otherwise tips over, and later layers pass it on."""

ISLAND_LIMIT = Limit(mean=2.0, within_2=0.85)
"""The same for a program with operations in float, such as the softmax of the paper's attention or
modules that a mixed recipe keeps: there a code may tip over and later layers pass it on."""

HALF_LIMIT = Limit(mean=0.5, within_2=0.97)
"""Weights of eleven bits, or the program's own weights with activations of sixteen."""

LIMITS: dict[Precision, Limit] = {
    "fp32": FLOAT_LIMIT,
    "fp16": HALF_LIMIT,
    "dynamic": INT8_LIMIT,
    "int8": INT8_LIMIT,
    "int16x8": HALF_LIMIT,
}
"""What the comparison with an artefact's origin lets through: the float network in torch for the
first three, the program in torch for the others."""


def compare(
    artefact: Runner, reference: Runner, name: str, photos: Iterable[tuple[str, Bytes]]
) -> Parity:
    """Runs both on the same photos.

    Args:
        artefact: the converted network.
        reference: what it was converted from.
        name: of the reference.
        photos: names and photos (S, S, 3) uint8, at the network's size.

    Raises:
        InputError: if there is no photo.
    """
    names, differences = [], []
    for label, photo in photos:
        ours, theirs = artefact(photo), reference(photo)
        names.append(label)
        differences.append(np.abs(ours.astype(np.int16) - theirs.astype(np.int16)))
    if not differences:
        raise InputError("no photo to compare the artefact on; give at least one")
    every = np.stack(differences)
    means = every.mean(axis=(1, 2))
    worst = int(means.argmax())
    return Parity(
        reference=name,
        photos=len(names),
        max=int(every.max()),
        mean=float(every.mean()),
        within_2=float((every <= 2).mean()),
        worst=names[worst],
        worst_mean=float(means[worst]),
    )
