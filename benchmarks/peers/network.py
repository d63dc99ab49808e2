"""A network of others as a function from photo to map."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.peers.table import PEERS
from common.images.photos import Bytes, resize_map, resize_photo
from edge_apps.formats import FORMATS


class PeerNetwork:
    """Prepares photos as a network's authors do, runs it, and makes maps of what it gives out.

    Args:
        name: a key of :data:`benchmarks.peers.table.PEERS`.
        path: its file.
        threads: that it may use; None for as many as there are cores.

    Raises:
        InputError: if the file cannot be opened.
    """

    def __init__(self, name: str, path: Path, threads: int | None = None) -> None:
        from benchmarks.latency.case import LatencyCase
        from benchmarks.latency.engines import open_latency_case

        peer = PEERS[name]
        engine = FORMATS[path.suffix].engine
        used = threads or os.cpu_count() or 1
        self.interface = peer.interface
        self.opened = open_latency_case(
            LatencyCase(name, engine, peer.precision, str(path), None, used)
        )

    @property
    def size(self) -> int:
        """Height and width at which it runs, in pixels."""
        return self.opened.size[0]

    def __call__(self, photo: Bytes) -> Bytes:
        """Compute the map (H, W) uint8 of a photo (H, W, 3) uint8."""
        raw = np.asarray(self.opened.run(resize_photo(photo, self.opened.size)))
        small = self.interface.saliency_map(raw, self.opened.quantization)
        return resize_map(small, photo.shape[:2])
