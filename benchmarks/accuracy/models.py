"""Models whose accuracy is measured: our files, networks of others, folders of maps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.fetch import FOLDER, fetch, peer_file
from benchmarks.peers.network import PeerNetwork
from benchmarks.peers.table import PEERS
from benchmarks.results.published import read_published
from common.errors import InputError, SamnetError
from common.files import sha256
from common.images.photos import resize_map
from common.suggestions import nearest
from edge_apps.formats import SUFFIXES
from edge_apps.maps.refinement import refinement_of
from samnet.data.layouts import DataSet
from samnet.evaluate import MapSource, predicted_maps
from samnet.evaluation.map_folder import MapFolder, find_maps
from samnet.evaluation.predictor import CHECKPOINT, load_predictor
from samnet.evaluation.score_row import LastStep, ModelFile, describe


@dataclasses.dataclass(frozen=True)
class AccuracyModel:
    """Something that gives a map for each photo.

    Args:
        name: for tables.
        path: of the file or folder.
        file: what is known of it.
        refined: whether its maps follow the photos' edges.
        peer: its key among the networks of others; empty where it is none.
        failure: why it cannot be measured; empty where it can.
    """

    name: str
    path: Path
    file: ModelFile
    refined: bool = False
    peer: str = ""
    failure: str = ""

    @property
    def interface(self) -> dict[str, Any]:
        """How photos go in and maps come out, where its file does not say that."""
        return dataclasses.asdict(PEERS[self.peer].interface) if self.peer else {}

    @property
    def last_step(self) -> LastStep:
        """How its maps come to their photos' size."""
        if self.file.origin == "maps":
            return "given"
        return "refined" if self.refined else "plain"

    def size(self, asked: int | None) -> int | None:
        """Pixels at which it runs; None where its maps are ready, or it is not ours.

        Args:
            asked: at which checkpoints run; None for their own.
        """
        return asked or self.file.size if self.file.origin == "checkpoint" else self.file.size

    def maps(self, data: DataSet) -> MapFolder | None:
        """Return the ready maps of a data set; None if it makes them itself.

        Raises:
            InputError: as :func:`samnet.evaluation.map_folder.find_maps`.
        """
        return find_maps(self.path, data) if self.file.origin == "maps" else None

    def load(self, threads: int | None, size: int | None) -> MapSource:
        """Open the network.

        Args:
            threads: that it may use; None leaves the runtime's own choice.
            size: pixels at which a checkpoint runs; None takes its own.

        Raises:
            InputError: if it cannot be used.
        """
        refinement = refinement_of(self.refined)
        if self.file.origin == "checkpoint":
            predict = load_predictor(self.path, threads, size, refine=refinement)
        elif self.file.origin == "artifact":
            predict = load_predictor(self.path, threads, refine=refinement)
        elif self.peer:
            return predicted_maps(PeerNetwork(self.peer, self.path, threads), None, overwrite=False)
        else:
            return _foreign(self.path, threads)
        return predicted_maps(predict, None, overwrite=False)


def find_accuracy_models(specs: Sequence[str], peers: Path = FOLDER) -> tuple[AccuracyModel, ...]:
    """Find the models that ``PATH`` or ``NAME=PATH`` name, by their shortest different names.

    A network of others goes by its name. One that cannot be had is a model with a failure.

    Args:
        specs: as a user gives them.
        peers: folder of the networks of others.

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
    return tuple(
        _accuracy_model(name, path)
        if path.exists() or str(path) not in PEERS
        else _peer(path, peers)
        for name, (_, path) in zip(names, pairs, strict=True)
    )


def with_refined(accuracy_models: Sequence[AccuracyModel]) -> tuple[AccuracyModel, ...]:
    """Add to each network of ours the same with refined maps, right behind it."""
    found = []
    for it in accuracy_models:
        found.append(it)
        if it.file.origin in ("checkpoint", "artifact"):
            found.append(dataclasses.replace(it, name=f"{it.name}, refined", refined=True))
    return tuple(found)


def _split(spec: str) -> tuple[str, Path]:
    if Path(spec).exists() or "=" not in spec:
        return "", Path(spec)
    name, _, place = spec.partition("=")
    return name, Path(place)


def _peer(name: Path, folder: Path) -> AccuracyModel:
    peer, path = PEERS[name.name], peer_file(name.name, folder)
    try:
        path = fetch(name.name, folder)
    except SamnetError as error:
        return AccuracyModel(
            peer.title, path, ModelFile("peer"), peer=name.name, failure=str(error)
        )
    return AccuracyModel(peer.title, path, ModelFile("peer", sha256(path)), peer=name.name)


def _accuracy_model(name: str, path: Path) -> AccuracyModel:
    if path.is_dir():
        return AccuracyModel(name, path, describe(path))
    if not path.is_file():
        method = nearest(path.name, (it.name for it in read_published()))
        hint = f"; the published {method} is chosen with --published {method!r}" if method else ""
        raise InputError(
            f"{path}: no such file or folder; give checkpoints, artifacts, ONNX files or folders "
            f"of maps{hint}"
        )
    if path.suffix not in (CHECKPOINT, *SUFFIXES):
        raise InputError(
            f"{path}: unknown kind of model; expected {', '.join([CHECKPOINT, *SUFFIXES])} or a "
            "folder of maps"
        )
    return AccuracyModel(name, path, describe(path))


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
