"""Runs an artifact: one photo in, one saliency map out."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Protocol

from common.errors import InputError
from common.images.input_file import check_is_file
from common.images.photos import Bytes, resize_photo
from edge_apps.backends.float_io import floats_of
from edge_apps.formats import FORMATS, SUFFIXES
from edge_apps.manifest import Manifest, manifest_path, verify
from edge_apps.maps.coding import PROBABILITIES, Coding, coding_of
from edge_apps.maps.raw_map import RawMap
from edge_apps.maps.refinement import Refinement, refinement_of
from edge_apps.photo_inputs import Input, accept


class Backend(Protocol):
    """An opened artifact of one format."""

    size: int

    def run(self, photo: Bytes) -> Bytes:
        """Map a photo (S, S, 3) uint8 to a map (M, M) uint8, called by any thread.

        S is ``size``; M is S, or less where the artifact leaves the enlarging to its user.
        """


class CodedBackend(Backend, Protocol):
    """One whose file may say what the bytes of its map stand for."""

    coding: Coding | None


@dataclasses.dataclass(frozen=True)
class Segmenter:
    """Finds what is salient in a photo; threads may share it.

    Args:
        backend: the opened artifact.
        manifest: what the artifact says of itself; None where none stands beside it.
        coding: what the bytes of its map stand for.
    """

    backend: Backend
    manifest: Manifest | None = None
    coding: Coding = PROBABILITIES

    @property
    def size(self) -> int:
        """S, height and width in pixels at which the artifact runs."""
        return self.backend.size

    def __call__(self, photo: Input, *, refine: bool | Refinement = True) -> Bytes:
        """Segment a photo of any size; any number of threads may call it at once.

        Args:
            photo: RGB, (H, W, 3) uint8, or what else :func:`edge_apps.photo_inputs.accept` takes:
                other arrays of bytes, an image of Pillow, or the path of a file.
            refine: whether the map follows the photo's edges, or in which way; otherwise it is
                enlarged alone, which is what figures called plain are measured on.

        Returns:
            (H, W) uint8, 255 is salient. It lies on the array or image as its pixels do, on a file
            as it is meant to be seen.

        Raises:
            InputError: if it is no photo, cannot be read, or is too small for the refinement.
        """
        given = accept(photo)
        return given.placed(self.look(given.photo).at(given.photo, refinement_of(refine)))

    def look(self, photo: Bytes) -> RawMap:
        """Run the network on a photo (H, W, 3) uint8, without the last step."""
        small = resize_photo(photo, (self.size, self.size))
        return RawMap(self.run(small), self.coding, small)

    def run(self, photo: Bytes) -> Bytes:
        """Run the artifact alone: photo (S, S, 3) uint8 to map (M, M) uint8, M at most S.

        The map is coded: :meth:`RawMap.at` makes that of a whole photo of it.

        Raises:
            InputError: if the photo has another shape or type.
        """
        if photo.shape != (self.size, self.size, 3) or photo.dtype != "uint8":
            raise InputError(
                f"photo has shape {photo.shape} and type {photo.dtype}, "
                f"expected ({self.size}, {self.size}, 3) uint8; resize it first"
            )
        return self.backend.run(photo)


def load(path: str | Path, *, threads: int | None = None) -> Segmenter:
    """Open an artifact, a ``.tflite``, a ``.pte`` or an ``.onnx``.

    A manifest beside it is verified. Without one an artifact is taken at its word if its own
    input and output are a photo and a map in bytes, whose coding files since these give logits
    name themselves; what the floats of another mean, only a manifest says.

    Args:
        path: the artifact.
        threads: number of threads that the runtime may use; None for all cores of this process.

    Raises:
        InputError: if the file is missing, cannot be read, of another format, damaged, not what
            its manifest describes, of another kind of network, or its runtime is not installed.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: unknown suffix, expected one of {', '.join(SUFFIXES)}")
    check_is_file(path, "give the path of a converted network")
    if threads is None:
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if threads < 1:
        raise InputError(f"threads is {threads}, expected at least 1")
    manifest = verify(path) if manifest_path(path).exists() else None
    backend: CodedBackend = FORMATS[path.suffix].open(path, threads, floats_of(manifest))
    if manifest is not None and manifest.size != backend.size:
        raise InputError(
            f"{path}: runs at {backend.size} px, its manifest says {manifest.size}; convert anew"
        )
    stated = coding_of(manifest) if manifest else backend.coding
    return Segmenter(backend, manifest, stated or PROBABILITIES)
