"""A network's map of a photo before it is enlarged to the photo's size."""

from __future__ import annotations

import dataclasses

from common.images.photos import Bytes
from edge_apps.maps.coding import Coding
from edge_apps.maps.refinement import Refinement


@dataclasses.dataclass(frozen=True)
class RawMap:
    """A network's own small map.

    Args:
        map: (M, M) uint8, coded.
        coding: coding of the map.
        small: (S, S, 3) uint8, the photo as the network saw it.
    """

    map: Bytes
    coding: Coding
    small: Bytes

    def at(self, photo: Bytes, refinement: Refinement | None) -> Bytes:
        """Compute the map of a photo, (H, W) uint8, 255 is salient.

        Args:
            photo: the one that the network saw, at any size, (H, W, 3) uint8.
            refinement: follows the photo's edges; None enlarges the map alone.

        Raises:
            InputError: if the refinement does not fit the photo.
        """
        if refinement is None:
            return self.coding.enlarge(self.map, len(self.small), photo.shape[:2])
        return refinement(self.map, self.coding, self.small, photo)
