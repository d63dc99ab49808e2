"""Rows of accuracy results: what was evaluated, on which photos, and its scores."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from common.files import sha256
from edge_apps.manifest import Precision, manifest_path, read_manifest
from samnet.evaluation.metrics import Scores
from samnet.evaluation.predictor import CHECKPOINT

LastStep = Literal["plain", "refined", "given"]
"""How maps came to their photos' size: logits enlarged alone, or following the photos' edges
(:mod:`edge_apps.maps.refinement`); ready maps are as they were given."""

Origin = Literal["checkpoint", "artifact", "onnx", "peer", "maps"]
"""What gave the maps; ``onnx`` is a file without our manifest, ``peer`` a network of others whose
photos and maps are treated as its authors do."""


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """What is known of a file, or a folder of maps, without running it.

    Args:
        origin: what it is.
        sha256: of the file; None for maps.
        precision: of its arithmetic, where it is one of ours.
        source_sha256: of the float checkpoint behind it, likewise.
        size: pixels at which it runs unless told otherwise, likewise.
    """

    origin: Origin
    sha256: str | None = None
    precision: Precision | None = None
    source_sha256: str | None = None
    size: int | None = None


def describe(path: Path) -> ModelFile:
    """Tell what is known of a file or folder.

    Raises:
        InputError: if it cannot be read.
    """
    if path.is_dir():
        return ModelFile("maps")
    digest = sha256(path)
    if path.suffix == CHECKPOINT:
        from samnet.checkpoints.checkpoint import load_checkpoint

        size = load_checkpoint(path).preprocessing.size
        return ModelFile("checkpoint", digest, "fp32", digest, size)
    if manifest_path(path).exists():
        it = read_manifest(path)
        return ModelFile("artifact", digest, it.precision, it.source_sha256, it.size)
    return ModelFile("onnx" if path.suffix == ".onnx" else "artifact", digest)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoreRow(Scores):
    """Scores of a model's maps on a data set.

    Args:
        name: for tables.
        file: name of the file, or of the folder of maps.
        origin: what gave the maps.
        sha256: of the file; None for maps.
        source_sha256: of the float checkpoint behind it, where known.
        size: pixels at which the network ran; None where it is not known.
        last_step: how maps came to their photos' size.
        data: name of the data set.
        published_count: photos of the set as it was published, if it was.
        of: photos of the set as given.
        missing: stems of photos without a map.
    """

    name: str
    file: str
    origin: Origin
    sha256: str | None = None
    source_sha256: str | None = None
    size: int | None = None
    last_step: LastStep
    data: str
    published_count: int | None = None
    of: int
    missing: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The file's name, and behind it whether its maps were refined."""
        return f"{self.file}, refined" if self.last_step == "refined" else self.file


def score_row(scores: Scores, **about: object) -> ScoreRow:
    """Make a row of these scores; the other fields are given by name."""
    values = {field.name: getattr(scores, field.name) for field in dataclasses.fields(Scores)}
    return ScoreRow(**values, **about)  # type: ignore[arg-type]
