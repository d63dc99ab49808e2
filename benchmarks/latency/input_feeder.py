"""Photos prepared for networks of others, by the shape and type of their input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import InputError
from common.images.photos import Bytes

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's photos, red, green and blue, values in 0 to 1."""

Feed = Callable[[Bytes], NDArray[Any]]
"""Photo (H, W, 3) uint8 to a network's input."""


def feeder(name: str, shape: Sequence[object], kind: str) -> tuple[Feed, tuple[int, int]]:
    """Find how a photo becomes the only input of a network, and its height and width there.

    Bytes go in as they are; floats are normalized by ImageNet's statistics. For a time it does
    not matter which, but that it is done.

    Args:
        name: of the network, for errors.
        shape: of its input.
        kind: of its values, as ``uint8``.

    Raises:
        InputError: if that is no single photo of a fixed size.
    """
    sides = [side if isinstance(side, int) and side > 0 else 0 for side in shape]
    last = len(sides) == 4 and sides[3] == 3
    first = len(sides) == 4 and sides[1] == 3 and not last
    size = (sides[1], sides[2]) if last else (sides[2], sides[3]) if first else (0, 0)
    if not (all(size) and sides[0] == 1 and kind in ("uint8", "float32")):
        raise InputError(
            f"{name}: takes {tuple(shape)} {kind}, expected one photo of a fixed size, "
            "(1, H, W, 3) or (1, 3, H, W) in uint8 or float32"
        )
    scale = (1 / (255 * np.array(STD))).astype(np.float32)
    offset = (np.array(MEAN) / np.array(STD)).astype(np.float32)

    def feed(photo: Bytes) -> NDArray[Any]:
        x = photo if kind == "uint8" else photo * scale - offset
        return np.ascontiguousarray((x if last else x.transpose(2, 0, 1))[None])

    return feed, size
