"""Map check of every artifact: its maps compared with those of its source.

What is compared is what users see, the sigmoid of every logit in steps of 1/255. How far the
logits lie apart stands beside: where both are sure, a difference of logits is one of no map.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from common.errors import CheckFailedError, InputError
from common.images.photos import Bytes
from common.map_difference import pixel_difference
from edge_apps.manifest import Precision
from edge_apps.maps.coding import LOGITS, Coding

Runner = Callable[[Bytes], Bytes]
"""Maps a photo (S, S, 3) uint8 to a coded map (M, M) uint8."""


@dataclasses.dataclass(frozen=True)
class Parity:
    """How far two networks' maps lie apart, in steps of 1/255 of the probability.

    Args:
        reference: what the artifact was compared with.
        photos: how many were compared.
        max: largest difference of a pixel.
        mean: mean absolute difference.
        within_2: share of pixels that differ by at most 2.
        worst: name of the photo with the largest mean difference, and that difference.
        worst_mean: see worst.
        steps_max: largest difference of the bytes that the networks give, logits in sixteenths.
        steps_mean: mean absolute one.
    """

    reference: str
    photos: int
    max: int
    mean: float
    within_2: float
    worst: str
    worst_mean: float
    steps_max: int
    steps_mean: float

    def figures(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return (
            f"against {self.reference} on {self.photos} photos: max {self.max} LSB, mean "
            f"{self.mean:.3f}, {100 * self.within_2:.2f} % within 2, worst {self.worst} "
            f"({self.worst_mean:.3f}); bytes given: max {self.steps_max}, mean "
            f"{self.steps_mean:.3f}"
        )


@dataclasses.dataclass(frozen=True)
class Limit:
    """What a comparison lets through.

    Args:
        mean: largest mean absolute difference, in LSB.
        within_2: smallest share of pixels within 2 LSB.
    """

    mean: float
    within_2: float

    def holds(self, parity: Parity) -> bool:
        """Tell whether the comparison keeps the limit."""
        return parity.mean <= self.mean and parity.within_2 >= self.within_2

    def check(self, parity: Parity) -> None:
        """Raise CheckFailedError if the comparison misses the limit."""
        if not self.holds(parity):
            raise CheckFailedError(
                f"the artifact differs from its origin {parity}; allowed are a mean of "
                f"{self.mean:g} LSB and {100 * self.within_2:g} % within 2; nothing was written"
            )


FLOAT_LIMIT = Limit(mean=0.05, within_2=0.999)
"""Float artifacts differ only where a rounding to bytes tips over."""

INT8_LIMIT = Limit(mean=6.0, within_2=0.5)
"""Catches gross errors only, such as swapped channels. One code that falls between two can move a
map of the program itself by as much as a lost scale does, so whole maps cannot tell them apart;
:mod:`convert.checks.operations` does, and what the drift costs is measured as accuracy on a data
set."""


INTEGER_LIMIT = Limit(mean=0.5, within_2=0.97)
"""Against the program in the runtime's own integers. Mostly nothing differs; now and then a code
that the modeled arithmetic rounds otherwise tips over, and later layers pass it on."""

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
"""What the comparison with an artifact's origin lets through: the float network in torch for the
first three, the program in torch for the others."""


def compare(
    artifact: Runner,
    reference: Runner,
    name: str,
    photos: Iterable[tuple[str, Bytes]],
    coding: Coding = LOGITS,
) -> Parity:
    """Run both on the same photos.

    Args:
        artifact: the converted network.
        reference: what it was converted from.
        name: of the reference.
        photos: names and photos (S, S, 3) uint8, at the network's size.
        coding: of both maps.

    Raises:
        InputError: if there is no photo.
    """
    names, steps, differences = [], [], []
    for label, photo in photos:
        ours, theirs = artifact(photo), reference(photo)
        names.append(label)
        steps.append(pixel_difference(ours, theirs))
        shown = coding.probabilities(ours), coding.probabilities(theirs)
        differences.append(pixel_difference(*shown))
    if not differences:
        raise InputError("no photo to compare the artifact on; give at least one")
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
        steps_max=max(int(it.max()) for it in steps),
        steps_mean=float(np.mean(steps)),
    )
