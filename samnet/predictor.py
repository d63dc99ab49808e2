"""From a file to a function that turns photos into saliency maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_apps import runtime
from edge_apps.errors import InputError
from edge_apps.photos import Bytes, resize_photo

Predictor = Callable[[Bytes], Bytes]
"""Photo (H, W, 3) uint8 of any size to map (H, W) uint8, 255 is salient."""

CHECKPOINT = ".safetensors"


def load_predictor(
    path: str | Path,
    threads: int | None = None,
    size: int | None = None,
    *,
    flip: bool = False,
) -> Predictor:
    """Loads a checkpoint or an artefact.

    Args:
        path: a .safetensors checkpoint, or a .tflite or .pte artefact with its manifest.
        threads: how many the network may use; None leaves the runtime's own choice.
        size: height and width in pixels at which the network runs; None takes the one that the
            file names. Artefacts run at no other.
        flip: average with the map of the mirror image, at twice the time.

    Raises:
        InputError: if the file is missing, of an unknown kind, damaged, or cannot run at ``size``.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a checkpoint or an artefact")
    if threads is not None and threads < 1:
        raise InputError(f"{threads} threads; expected at least 1")
    if path.suffix == CHECKPOINT:
        predict = _load_checkpoint(path, threads, size)
    elif path.suffix in runtime.SUFFIXES:
        predict = _load_artefact(path, threads, size)
    else:
        raise InputError(
            f"{path}: unknown kind of model {path.suffix or '(no suffix)'!r}; expected "
            f"{', '.join([CHECKPOINT, *runtime.SUFFIXES])}"
        )
    return _with_mirror(predict) if flip else predict


def _with_mirror(predict: Predictor) -> Predictor:
    def both(photo: Bytes) -> Bytes:
        map, mirrored = predict(photo), predict(np.ascontiguousarray(photo[:, ::-1]))
        return np.asarray((map.astype(np.uint16) + mirrored[:, ::-1] + 1) // 2, np.uint8)

    return both


def _load_checkpoint(path: Path, threads: int | None, size: int | None) -> Predictor:
    import dataclasses

    import torch

    from samnet.checkpoint import load_checkpoint
    from samnet.deployment import ByteInterface, WholeNetwork, coding_of_network

    if threads is not None:
        torch.set_num_threads(threads)
    checkpoint = load_checkpoint(path)
    preprocessing = checkpoint.preprocessing
    if size is not None:
        preprocessing = dataclasses.replace(preprocessing, size=size)
    # In bytes, as an artefact gives them, so that both are compared like with like.
    network = ByteInterface(WholeNetwork(checkpoint.model), preprocessing).eval()
    shape = (preprocessing.size, preprocessing.size)
    coding = coding_of_network(checkpoint.model.config)

    def predict(photo: Bytes) -> Bytes:
        with torch.inference_mode():
            small = torch.from_numpy(resize_photo(photo, shape))[None]
            return coding.enlarge(network(small)[0].numpy(), shape[0], photo.shape[:2])

    return predict


def _load_artefact(path: Path, threads: int | None, size: int | None) -> Predictor:
    segmenter = runtime.load(path, threads=threads)
    if size not in (None, segmenter.size):
        raise InputError(
            f"{path}: runs at {segmenter.size} px, {size} were asked for; convert the checkpoint "
            "at that size"
        )
    return segmenter
