"""Loads a checkpoint or an artifact as a function from photos to saliency maps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from common.errors import InputError
from common.images.input_file import check_is_file
from common.images.photos import Bytes, resize_photo
from edge_apps import formats, runtime
from edge_apps.maps.raw_map import RawMap
from edge_apps.maps.refinement import Refinement

Look = Callable[[Bytes], RawMap]
"""Runs a network on a photo (H, W, 3) uint8 of any size."""

Predictor = Callable[[Bytes], Bytes]
"""Photo (H, W, 3) uint8 of any size to map (H, W) uint8, 255 is salient."""

CHECKPOINT = ".safetensors"


@dataclasses.dataclass(frozen=True)
class NetworkPredictor:
    """A network that turns photos (H, W, 3) uint8 of any size into maps (H, W) uint8.

    Args:
        look: runs the network.
        refinement: refinement of a call's map; None enlarges it alone.
        flip: whether maps are averaged with those of the mirror image.
    """

    look: Look
    refinement: Refinement | None = None
    flip: bool = False

    def __call__(self, photo: Bytes) -> Bytes:
        """Predict the saliency map (H, W) uint8 of a photo (H, W, 3) uint8."""
        (saliency_map,) = self.maps(photo, (self.refinement,))
        return saliency_map

    def maps(self, photo: Bytes, refinements: Sequence[Refinement | None]) -> list[Bytes]:
        """Compute a map for each last step, of one run of the network.

        Raises:
            InputError: if a refinement does not fit the photo.
        """
        photos = [photo, np.ascontiguousarray(photo[:, ::-1])][: 1 + self.flip]
        raws = [self.look(it) for it in photos]
        found = []
        for refinement in refinements:
            both = [raw.at(it, refinement) for raw, it in zip(raws, photos, strict=True)]
            found.append(_mean(both[0], both[1][:, ::-1]) if self.flip else both[0])
        return found


def load_predictor(
    path: str | Path,
    threads: int | None = None,
    size: int | None = None,
    *,
    flip: bool = False,
    refine: Refinement | None = None,
) -> NetworkPredictor:
    """Load a checkpoint or an artifact.

    Args:
        path: a .safetensors checkpoint, or a .tflite or .pte artifact with its manifest.
        threads: how many the network may use; None leaves the runtime's own choice.
        size: height and width in pixels at which the network runs; None takes the one that the
            file names. Artifacts run at no other.
        flip: average with the map of the mirror image, at twice the time.
        refine: how maps follow the photos' edges; None enlarges them alone.

    Raises:
        InputError: if the file is missing, of an unknown kind, damaged, or cannot run at ``size``.
    """
    path = Path(path)
    check_is_file(path, "give a checkpoint or an artifact")
    if threads is not None and threads < 1:
        raise InputError(f"{threads} threads; expected at least 1")
    if path.suffix == CHECKPOINT:
        look = _load_checkpoint(path, threads, size)
    elif path.suffix in formats.SUFFIXES:
        look = _load_artifact(path, threads, size)
    else:
        raise InputError(
            f"{path}: unknown kind of model {path.suffix or '(no suffix)'!r}; expected "
            f"{', '.join([CHECKPOINT, *formats.SUFFIXES])}"
        )
    return NetworkPredictor(look, refine, flip)


def _mean(saliency_map: Bytes, other: Bytes) -> Bytes:
    return np.asarray((saliency_map.astype(np.uint16) + other + 1) // 2, np.uint8)


def _load_checkpoint(
    path: Path, threads: int | None, size: int | None
) -> Callable[[Bytes], RawMap]:
    import torch

    from samnet.checkpoints.checkpoint import load_checkpoint
    from samnet.networks.deployed import ByteInterface, WholeNetwork, coding_of_network

    if threads is not None:
        torch.set_num_threads(threads)
    checkpoint = load_checkpoint(path)
    preprocessing = checkpoint.preprocessing
    if size is not None:
        preprocessing = dataclasses.replace(preprocessing, size=size)
    # In bytes, as an artifact gives them, so that both are compared like with like.
    network = ByteInterface(WholeNetwork(checkpoint.model), preprocessing).eval()
    shape = (preprocessing.size, preprocessing.size)
    coding = coding_of_network(checkpoint.model.config)

    def look(photo: Bytes) -> RawMap:
        small = resize_photo(photo, shape)
        with torch.inference_mode():
            saliency_map: Bytes = network(torch.from_numpy(small)[None])[0].numpy()
        return RawMap(saliency_map, coding, small)

    return look


def _load_artifact(path: Path, threads: int | None, size: int | None) -> Look:
    segmenter = runtime.load(path, threads=threads)
    if size not in (None, segmenter.size):
        raise InputError(
            f"{path}: runs at {segmenter.size} px, {size} were asked for; convert the checkpoint "
            "at that size"
        )
    return segmenter.look
