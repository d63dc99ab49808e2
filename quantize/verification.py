"""Verifies that a quantized program keeps the float network's maps, on photos held back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from common.errors import CheckFailedError
from common.images.photos import Bytes, resize_photo
from common.map_difference import pixel_difference

if TYPE_CHECKING:
    from quantize.calibration import CalibrationSet
    from samnet.evaluation.predictor import Predictor

LEAST = 0.8
"""Share of the maps that a program must keep. ``samnet-edge`` calibrated with extremes on twelve
photos keeps 0.96, calibrated on noise 0.71 and on blank photos 0.58."""

SHOWN = 128
"""Where no byte of the float network's maps reaches this, they show nothing to be lost."""

FLOOR = 8
"""Steps of 255 that are added to every pixel, so that noise on black maps is no loss."""


@dataclasses.dataclass(frozen=True)
class Verification:
    """How much of the float network's maps a program keeps.

    Args:
        photos: what was compared, as ``photos kept back``.
        count: how many.
        kept: sum of the smaller over the sum of the larger byte, all pixels together; 1 where
            the maps are equal, about 0 where one of them is black.
        mean: mean absolute difference, in steps of 1/255.
        shown: whether the float network finds something on any of the photos.
    """

    photos: str
    count: int
    kept: float
    mean: float
    shown: bool

    @property
    def lost(self) -> bool:
        """Whether there was a map, and it is gone."""
        return self.shown and self.kept < LEAST

    def figures(self) -> dict[str, Any]:
        """Return plain values, as a program records them."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        if not self.shown:
            return f"nothing to compare: float finds nothing on {self.count} {self.photos}"
        return (
            f"keeps {self.kept:.3f} of float's map on {self.count} {self.photos}, "
            f"{self.mean:.2f} of 255 away"
        )


def verify(
    program: Predictor, network: Predictor, size: int, kept_back: Sequence[Bytes]
) -> list[Verification]:
    """Compare a program's maps with the float network's.

    Photos of one's own alone would not do: where all of them are blank, or the same, a program
    that is of no use elsewhere agrees. So the embedded ones are compared as well.

    Args:
        program: the quantized network.
        network: the float one.
        size: S, at which both run.
        kept_back: photos (H, W, 3) uint8 that the program was not calibrated on; may be none.
    """
    from samnet.data.embedded import embedded_photos

    sets = {
        "photos kept back": kept_back,
        "embedded photos": [item.photo for item in embedded_photos()],
    }
    found = []
    for name, photos in sets.items():
        if photos:
            small = [resize_photo(photo, (size, size)) for photo in photos]
            maps, expected = (np.stack([f(it) for it in small]) for f in (program, network))
            found.append(_compare(name, maps, expected))
    return found


def check(name: object, found: Sequence[Verification], calibration: CalibrationSet) -> None:
    """Refuse a program that lost the map.

    Args:
        name: name of the program, for the error.
        found: what :func:`verify` found.
        calibration: what the program was calibrated on, which may be the reason.

    Raises:
        CheckFailedError: if it did on any of the sets.
    """
    lost = [str(it) for it in found if it.lost]
    if not lost:
        return
    why = [f"the program lost the map: {'; '.join(lost)}; expected at least {LEAST}"]
    if plain := calibration.plain:
        why.append(f"{plain} of {len(calibration)} photos calibrated on are of one color")
    raise CheckFailedError(
        f"{name}: {'; '.join(why)}; calibrate on a hundred photos like those to come, or pass "
        "--allow-loss; nothing was written"
    )


def _compare(name: str, maps: Bytes, expected: Bytes) -> Verification:
    ours, theirs = maps.astype(np.int64), expected.astype(np.int64)
    least, most = np.minimum(ours, theirs) + FLOOR, np.maximum(ours, theirs) + FLOOR
    return Verification(
        photos=name,
        count=len(maps),
        kept=float(least.sum() / most.sum()),
        mean=float(pixel_difference(maps, expected).mean()),
        shown=bool(expected.max() >= SHOWN),
    )
