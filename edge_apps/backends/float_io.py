"""Converts bytes to and from the float tensors of artifacts that have such inputs and outputs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import InputError
from common.images.photos import Bytes
from edge_apps.manifest import Manifest
from edge_apps.maps.coding import Coding, coding_of


@dataclasses.dataclass(frozen=True)
class Floats:
    """What bytes mean to an artifact whose input and output are float32.

    Args:
        scale: scale of the photo: value = (byte - zero_point) * scale.
        zero_point: see scale.
        coding: coding of the map.
    """

    scale: float
    zero_point: int
    coding: Coding

    def photo(self, photo: Bytes) -> NDArray[np.float32]:
        """Turn a photo (S, S, 3) uint8 into the tensor (1, S, S, 3)."""
        values = (photo.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)
        return values[None]

    def map(self, values: NDArray[Any]) -> Bytes:
        """Turn a map's values into bytes of the same shape."""
        return self.coding.bytes(values)


def floats_of(manifest: Manifest | None) -> Floats | None:
    """Tell how a manifest's artifact takes bytes; None where it takes them as they are.

    Raises:
        InputError: if input and output are of different or unknown types.
    """
    if manifest is None:
        return None
    types = {manifest.input.type, manifest.output.type}
    if types == {"uint8"}:
        return None
    if types != {"float32"}:
        raise InputError(
            f"input and output are {manifest.input.type} and {manifest.output.type}, expected "
            "uint8 or float32 for both; convert anew"
        )
    return Floats(manifest.input.scale, manifest.input.zero_point, coding_of(manifest))
