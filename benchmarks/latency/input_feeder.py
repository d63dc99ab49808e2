"""Photos prepared for networks of others, by the shape and type of their input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.interface import Interface, Quantization
from common.errors import InputError
from common.images.photos import Bytes

Feed = Callable[[Bytes], NDArray[Any]]
"""Photo (H, W, 3) uint8 to a network's input."""

IMAGENET = Interface()


def feeder(
    name: str,
    shape: Sequence[object],
    kind: str,
    interface: Interface | None = None,
    quantization: Quantization | None = None,
) -> tuple[Feed, tuple[int, int]]:
    """Find how a photo becomes the only input of a network, and its height and width there.

    Where nothing is known of the network, bytes go in as they are, and floats are normalized by
    ImageNet's statistics: for a time it does not matter which, but that it is done.

    Args:
        name: of the network, for errors.
        shape: of its input.
        kind: of its values, as ``uint8``.
        interface: how its authors prepare photos; None where that is not known.
        quantization: of its input, where it takes codes.

    Raises:
        InputError: if that is no single photo of a fixed size.
    """
    sides = [side if isinstance(side, int) and side > 0 else 0 for side in shape]
    last = len(sides) == 4 and sides[3] == 3
    first = len(sides) == 4 and sides[1] == 3 and not last
    size = (sides[1], sides[2]) if last else (sides[2], sides[3]) if first else (0, 0)
    coded = interface is not None and quantization is not None and kind in ("uint8", "int8")
    if not (all(size) and sides[0] == 1 and (coded or kind in ("uint8", "float32"))):
        raise InputError(
            f"{name}: takes {tuple(shape)} {kind}, expected one photo of a fixed size, "
            "(1, H, W, 3) or (1, 3, H, W) in uint8 or float32"
        )
    if kind == "float32":
        prepare: Feed = (interface or IMAGENET).floats
    elif interface is not None and quantization is not None:
        prepare = _by_table(interface.codes(kind, quantization))
    else:
        prepare = _as_it_is

    def feed(photo: Bytes) -> NDArray[Any]:
        x = prepare(photo)
        return np.ascontiguousarray((x if last else x.transpose(2, 0, 1))[None])

    return feed, size


def _as_it_is(photo: Bytes) -> NDArray[Any]:
    return photo


def _by_table(codes: NDArray[Any]) -> Feed:
    """Look bytes up, (256, 3) codes; at no cost where they stay as they are."""
    alike = bool((codes == codes[:, :1]).all())
    if alike and codes.dtype == np.uint8 and (codes[:, 0] == np.arange(256)).all():
        return _as_it_is
    if alike:
        return lambda photo: np.take(codes[:, 0], photo)
    return lambda photo: codes[photo, np.arange(3)]
