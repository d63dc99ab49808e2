"""Models whose accuracy is measured: checkpoints, artifacts, ONNX files and folders of maps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from benchmarks.results.published import nearest
from common.errors import InputError, SamnetError
from common.files import sha256
from common.images.photos import resize_map
from edge_apps.formats import SUFFIXES
from edge_apps.manifest import Precision, manifest_path, read_manifest
from edge_apps.maps.refinement import refinement_of
from samnet.checkpoints.checkpoint import load_checkpoint
from samnet.data.layouts import DataSet
from samnet.evaluate import MapSource, predicted_maps
from samnet.evaluation.map_folder import MapFolder, find_maps
from samnet.evaluation.predictor import CHECKPOINT, load_predictor

Kind = Literal["checkpoint", "artifact", "onnx", "maps"]


@dataclasses.dataclass(frozen=True)
class AccuracyModel:
    """Something that gives a map for each photo.

    Args:
        name: for tables.
        path: of the file or folder.
        kind: what it is; ``onnx`` is a file without our manifest.
        sha256: of the file; None for a folder of maps.
        precision: of its arithmetic, where it is one of ours.
        source_sha256: hash of the float checkpoint behind it, likewise.
        size: pixels at which it runs unless told otherwise, likewise.
        refined: whether its maps follow the photos' edges.
    """

    name: str
    path: Path
    kind: Kind
    sha256: str | None = None
    precision: Precision | None = None
    source_sha256: str | None = None
    size: int | None = None
    refined: bool = False

    def maps(self, data: DataSet) -> MapFolder | None:
        """Return the ready maps of a data set; None if it makes them itself.

        Raises:
            InputError: as :func:`samnet.evaluation.map_folder.find_maps`.
        """
        return find_maps(self.path, data) if self.kind == "maps" else None

    def load(self, threads: int | None, size: int | None) -> MapSource:
        """Open the network.

        Args:
            threads: that it may use; None leaves the runtime's own choice.
            size: pixels at which a checkpoint runs; None takes its own.

        Raises:
            InputError: if it cannot be used.
        """
        refinement = refinement_of(self.refined)
        if self.kind == "checkpoint":
            predict = load_predictor(self.path, threads, size, refine=refinement)
        elif self.kind == "artifact":
            predict = load_predictor(self.path, threads, refine=refinement)
        else:
            return _foreign(self.path, threads)
        return predicted_maps(predict, None, overwrite=False)


def find_accuracy_models(specs: Sequence[str]) -> tuple[AccuracyModel, ...]:
    """Find the models that ``PATH`` or ``NAME=PATH`` name, by their shortest different names.

    Raises:
        InputError: if a path does not exist, is of no known kind, or two have one name.
    """
    pairs = [_split(spec) for spec in specs]
    short = [name or path.name for name, path in pairs]
    names = [
        name or (path.name if short.count(path.name) == 1 else str(path)) for name, path in pairs
    ]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"{repeated!r} stands for two models; name one NAME=PATH")
    return tuple(_accuracy_model(name, path) for name, (_, path) in zip(names, pairs, strict=True))


def with_refined(accuracy_models: Sequence[AccuracyModel]) -> tuple[AccuracyModel, ...]:
    """Add to each network of ours the same with refined maps, right behind it."""
    found = []
    for it in accuracy_models:
        found.append(it)
        if it.kind in ("checkpoint", "artifact"):
            found.append(dataclasses.replace(it, name=f"{it.name}, refined", refined=True))
    return tuple(found)


def _split(spec: str) -> tuple[str, Path]:
    if Path(spec).exists() or "=" not in spec:
        return "", Path(spec)
    name, _, place = spec.partition("=")
    return name, Path(place)


def _accuracy_model(name: str, path: Path) -> AccuracyModel:
    if path.is_dir():
        return AccuracyModel(name, path, "maps")
    if not path.is_file():
        method = nearest(path.name)
        hint = f"; the published {method} is chosen with --published {method!r}" if method else ""
        raise InputError(
            f"{path}: no such file or folder; give checkpoints, artifacts, ONNX files or folders "
            f"of maps{hint}"
        )
    if path.suffix == CHECKPOINT:
        digest, size = sha256(path), load_checkpoint(path).preprocessing.size
        return AccuracyModel(name, path, "checkpoint", digest, "fp32", digest, size)
    if path.suffix not in SUFFIXES:
        raise InputError(
            f"{path}: unknown kind of model; expected {', '.join([CHECKPOINT, *SUFFIXES])} or a "
            "folder of maps"
        )
    if manifest_path(path).exists():
        manifest = read_manifest(path)
        origin, size = manifest.source_sha256, manifest.size
        return AccuracyModel(name, path, "artifact", sha256(path), manifest.precision, origin, size)
    return AccuracyModel(name, path, "onnx" if path.suffix == ".onnx" else "artifact", sha256(path))


def _foreign(path: Path, threads: int | None) -> MapSource:
    """Compute the maps of an ONNX file without a manifest: of our interface, or of rembg's."""
    from samnet.training.onnx_teacher import MapTeacher

    try:
        predict = load_predictor(path, threads)
    except SamnetError:
        network = MapTeacher(path, threads)  # says what it takes if it is not of that kind either
    else:
        return predicted_maps(predict, None, overwrite=False)

    return predicted_maps(
        lambda photo: resize_map(network(photo), photo.shape[:2]), None, overwrite=False
    )
