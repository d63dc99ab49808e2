"""Writes an artefact of any format: converted, loaded, run and compared before it gets its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from convert.parity import Limit, Parity, compare
from convert.source import Precision, Source, open_source
from edge_apps.errors import InputError
from edge_apps.files import replacing, sha256
from edge_apps.manifest import Delegation, Interface, Manifest, manifest_path, write_manifest
from edge_apps.photos import Bytes, resize_photo
from edge_apps.runtime import Backend


@dataclasses.dataclass(frozen=True)
class Content:
    """What an engine makes of a source.

    Args:
        file: the artefact's bytes.
        input: its input tensor.
        output: its output tensor.
        delegation: what the runtime's fast path executes of it.
        checks: figures of gates that the format has of its own, for the manifest, by name.
    """

    file: bytes
    input: Interface
    output: Interface
    delegation: Delegation
    checks: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of artefact.

    Args:
        suffix: of its files.
        engine: names what converts.
        packages: that take part; their versions stand in the manifest.
        limits: what the gate lets through, by precision.
        make: converts a source.
        open: opens a file with a number of threads.
    """

    suffix: str
    engine: str
    packages: tuple[str, ...]
    limits: Mapping[Precision, Limit]
    make: Callable[[Source], Content]
    open: Callable[[Path, int], Backend]


@dataclasses.dataclass(frozen=True)
class Converted:
    """An artefact that passed its gate.

    Args:
        path: the artefact; its manifest stands beside it.
        manifest: what the manifest says.
        parity: the gate's figures.
    """

    path: Path
    manifest: Manifest
    parity: Parity


def write_artefact(
    kind: Format,
    source: str | Path,
    output: str | Path,
    *,
    photos: Sequence[tuple[str, Bytes]] = (),
    size: int | None = None,
    overwrite: bool = False,
) -> Converted:
    """Converts a checkpoint to fp32 or a quantised program to int8.

    Args:
        kind: the format.
        source: a ``.safetensors`` checkpoint or a ``.pt2`` program.
        output: the file to write.
        photos: names and photos (H, W, 3) uint8 for the gate; the embedded ones by default.
        size: height and width in pixels; the source's own by default.
        overwrite: whether existing files may be replaced.

    Raises:
        InputError: if the source cannot be used, the output not be written, or the gate fails;
            then nothing is written.
    """
    output = Path(output)
    if output.suffix != kind.suffix:
        raise InputError(f"{output}: expected a name that ends in {kind.suffix}")
    if manifest_path(output).exists() and not overwrite:
        raise InputError(f"{manifest_path(output)}: already exists; pass --overwrite")
    with replacing(output, overwrite=overwrite) as temporary:
        opened = open_source(source, size)
        content = kind.make(opened)
        temporary.write_bytes(content.file)
        parity = _gate(kind, opened, temporary, photos or embedded())
        manifest = Manifest(
            sha256=sha256(temporary),
            source=opened.path.name,
            source_sha256=opened.checkpoint_sha256,
            config=opened.config,
            engine=kind.engine,
            versions={name: metadata.version(name) for name in kind.packages},
            precision=opened.precision,
            size=opened.size,
            quantisation=opened.quantisation,
            input=content.input,
            output=content.output,
            parity={
                "int8" if opened.quantisation else "float": parity.figures(),
                **content.checks,
            },
            delegation=content.delegation,
        )
        write_manifest(output, manifest, overwrite=overwrite)
    return Converted(output, manifest, parity)


def _gate(
    kind: Format, source: Source, artefact: Path, photos: Sequence[tuple[str, Bytes]]
) -> Parity:
    backend = kind.open(artefact, 1)
    side = (source.size, source.size)
    resized = ((name, resize_photo(photo, side)) for name, photo in photos)
    parity = compare(backend.run, source.reference, source.reference_name, resized)
    kind.limits[source.precision].check(parity)
    return parity


def embedded() -> list[tuple[str, Bytes]]:
    """Names and photos (H, W, 3) uint8 that artefacts are compared on by default."""
    from samnet.data.embedded import embedded_photos

    return [(item.name, item.photo) for item in embedded_photos()]


def describe(done: Converted, kind: Format) -> str:
    """What came of a conversion, in a few lines."""
    took = done.manifest.delegation
    outside = ", ".join(f"{count} {name}" for name, count in took.outside.items()) or "none"
    size = done.path.stat().st_size / 2**20
    return "\n".join(
        [
            f"{done.path}: {size:.2f} MiB, {done.manifest.precision}, {kind.engine}",
            f"  {done.parity}",
            f"  {took.inside} operations in {took.partitions} {took.delegate} pieces",
            f"  outside: {outside}",
            *(f"    {name}: {reason}" for name, reason in took.reasons.items()),
        ]
    )
