"""The manifest, a JSON file beside an artifact: what it is, its source and its checks.

It stands beside the artifact as ``NAME.EXT.json``.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, Literal

from common.decode import decode
from common.errors import InputError
from common.files import replacing, sha256
from common.images.input_file import check_is_file
from common.safe_json import parse_json

FORMAT = "samnet-artifact-2"
"""Names the layout of the file."""

FIRST_FORMAT = "samnet-artefact-1"
"""The layout before: its field ``quantisation`` is ``quantization`` today. A reader refuses any
other than these two."""

Precision = Literal["fp32", "fp16", "dynamic", "int8", "int16x8"]
"""Arithmetic of artifacts: fp16 has half weights that are computed with in float, dynamic int8
weights and activations that become int8 at every inference, int16x8 int16 activations and int8
weights."""

MapKind = Literal["probability", "logits"]
"""What a map's real values are: the probability that a pixel is salient, 0 to 1, or the logit of
which that is the sigmoid."""

MAX_BYTES = 1 << 20
"""A manifest larger than this is not one."""


@dataclasses.dataclass(frozen=True)
class Quantization:
    """How the numbers became int8.

    Args:
        scheme: the recipe's name, as ``static_wi8_ai8``.
        method: after training, or trained with fake quantization.
        observer: how activation ranges were found; ``none`` where no activation has a scale.
        calibration_count: photos or crops that were observed.
        calibration_sha256: hash of that set.
    """

    scheme: str
    method: Literal["ptq", "qat"]
    observer: str
    calibration_count: int
    calibration_sha256: str


@dataclasses.dataclass(frozen=True)
class Interface:
    """The artifact's input or output tensor.

    Args:
        shape: shape, such as (1, S, S, 3).
        layout: layout, such as ``NHWC``.
        type: type, such as ``uint8``.
        scale: real value = (stored value - zero_point) * scale; of a float32 tensor, which
            stores real values, that of the byte it stands for.
        zero_point: see scale.
    """

    shape: tuple[int, ...]
    layout: str
    type: str
    scale: float
    zero_point: int


@dataclasses.dataclass(frozen=True)
class MapInterface(Interface):
    """The artifact's output tensor.

    Args:
        kind: kind of its real values; files of earlier versions name none and give probabilities.
        aligned: whether the map's corners lie on those of the network's input, or its pixels'
            centers as resizing pictures has them.
    """

    kind: MapKind = "probability"
    aligned: bool = False


@dataclasses.dataclass(frozen=True)
class Delegation:
    """Which operations the runtime's fast path executes.

    Args:
        delegate: its name, as ``XNNPACK``.
        partitions: connected pieces of the graph that it took.
        inside: operations in them.
        outside: operations left outside, counted by name.
        reasons: for each name in outside, the reason.
        share: share of the multiply-adds, 0 to 1, in the operations inside; None where not known.
        shares: for each name in outside, its share of the multiply-adds.
    """

    delegate: str
    partitions: int
    inside: int
    outside: dict[str, int]
    reasons: dict[str, str]
    share: float | None = None
    shares: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Describes one artifact.

    Args:
        sha256: hash of the artifact.
        source: name of the checkpoint or program it was made from.
        source_sha256: hash of the float checkpoint behind it.
        config: the network's configuration.
        engine: what converted it, as ``litert-torch``.
        versions: versions of the packages that took part.
        precision: precision of the arithmetic inside.
        size: S, height and width of the input in pixels.
        quantization: None for fp32.
        input: one RGB photo.
        output: one map.
        parity: figures of each gate by its name, as ``float`` and ``int8``.
        delegation: what the fast path took, and why not the rest.
        accuracy: metrics by the name of the data set; empty until measured.
        notes: what a reader has to know beside, such as what differs from run to run.
    """

    sha256: str
    source: str
    source_sha256: str
    config: dict[str, Any]
    engine: str
    versions: dict[str, str]
    precision: Precision
    size: int
    quantization: Quantization | None
    input: Interface
    output: MapInterface
    parity: dict[str, dict[str, Any]]
    delegation: Delegation
    accuracy: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def manifest_path(artifact: str | Path) -> Path:
    """Name the manifest of an artifact: ``x.tflite`` has ``x.tflite.json``."""
    artifact = Path(artifact)
    return artifact.with_name(artifact.name + ".json")


def write_manifest(artifact: str | Path, manifest: Manifest, *, overwrite: bool = False) -> None:
    """Write the manifest beside its artifact, whole or not at all.

    Raises:
        InputError: if it exists and may not be overwritten, or cannot be written.
    """
    values = {"format": FORMAT, **dataclasses.asdict(manifest)}
    with replacing(manifest_path(artifact), overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def read_manifest(artifact: str | Path) -> Manifest:
    """Read the manifest that stands beside an artifact.

    Raises:
        InputError: if it is missing, damaged, of an unknown format, or points to another folder.
    """
    path = manifest_path(artifact)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES} bytes, not a manifest; convert anew")
        values = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); the manifest belongs beside its artifact"
        ) from error
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error}); convert anew") from error
    found = values.pop("format", None) if isinstance(values, dict) else None
    if found not in (FORMAT, FIRST_FORMAT):
        raise InputError(f"{path}: format is {found!r}, expected {FORMAT!r}; convert anew")
    if found == FIRST_FORMAT and "quantisation" in values:
        values["quantization"] = values.pop("quantisation")
    try:
        manifest = decode(Manifest, values)
    except TypeError as error:
        raise InputError(f"{path}: damaged manifest ({error}); convert anew") from error
    if re.search(r"[/\\\0]", manifest.source) or manifest.source in (".", ".."):
        raise InputError(
            f"{path}: source is {manifest.source[:60]!r}, expected a file's name without a folder; "
            "convert anew"
        )
    return manifest


def hashes(*paths: str | Path) -> dict[str, str]:
    """Hash what a result was measured on: files, and checkpoints behind artifacts, by name.

    Raises:
        InputError: if a file cannot be read.
    """
    found = {}
    for path in map(Path, paths):
        found[path.name] = sha256(path)
        if manifest_path(path).exists():
            manifest = read_manifest(path)
            stem = manifest.source.partition("_")[0].partition(".")[0]
            found[f"{stem}.safetensors"] = manifest.source_sha256
    return found


def verify(artifact: str | Path) -> Manifest:
    """Read the manifest of an artifact and compare the hash.

    Raises:
        InputError: as :func:`read_manifest`, if the artifact is missing, or if its hash differs.
    """
    check_is_file(artifact, "give the path of a converted network")
    manifest = read_manifest(artifact)
    found = sha256(artifact)
    if found != manifest.sha256:
        raise InputError(
            f"{artifact}: hash is {found[:12]}…, its manifest expects {manifest.sha256[:12]}…; "
            "the file was changed or damaged, copy both again or convert anew"
        )
    return manifest
