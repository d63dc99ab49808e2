"""Writes an artefact of any format: converted, loaded, run and compared before it gets its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from convert.operation import Operand
from convert.parity import (
    INTEGER_LIMIT,
    ISLAND_LIMIT,
    Limit,
    Parity,
    compare,
)
from convert.scales import compare_scales, describe_scales
from convert.source import Precision, Source, open_source
from edge_apps.errors import InputError
from edge_apps.files import replacing, sha256
from edge_apps.manifest import Delegation, Interface, Manifest, manifest_path, write_manifest
from edge_apps.photos import Bytes, resize_photo
from edge_apps.runtime import Backend

if TYPE_CHECKING:
    from convert.integers import Resize, Sums
    from quantize.program import QuantizedProgram

INTEGERS = "the program in XNNPACK's integers"
"""Names that reference in figures."""


@dataclasses.dataclass(frozen=True)
class Content:
    """What an engine makes of a source.

    Args:
        file: the artefact's bytes.
        input: its input tensor.
        output: its output tensor.
        delegation: what the runtime's fast path executes of it.
    """

    file: bytes
    input: Interface
    output: Interface
    delegation: Delegation


def _no_gates(
    program: QuantizedProgram, file: bytes, allow_scales: bool
) -> dict[str, dict[str, Any]]:
    return {}


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
        graph: reads the operations of a file back.
        resize: in which arithmetic the runtime resizes int8 tensors.
        sums: in which it adds them.
        gates: checks a quantised file in ways that the format has of its own, scales that
            changed being allowed or not; gives figures for the manifest by name.
    """

    suffix: str
    engine: str
    packages: tuple[str, ...]
    limits: Mapping[Precision, Limit]
    make: Callable[[Source], Content]
    open: Callable[[Path, int], Backend]
    graph: Callable[[bytes], Operand]
    resize: Resize
    sums: Sums = "integer"
    gates: Callable[[QuantizedProgram, bytes, bool], dict[str, dict[str, Any]]] = _no_gates


@dataclasses.dataclass(frozen=True)
class Converted:
    """An artefact that passed its gate.

    Args:
        path: the artefact; its manifest stands beside it.
        manifest: what the manifest says.
        parity: the gate's figures.
        integers: those of an int8 artefact against its program in the runtime's own integers.
    """

    path: Path
    manifest: Manifest
    parity: Parity
    integers: Parity | None = None


def write_artefact(
    kind: Format,
    source: str | Path,
    output: str | Path,
    *,
    photos: Sequence[tuple[str, Bytes]] = (),
    size: int | None = None,
    overwrite: bool = False,
    allow_scales: bool = False,
) -> Converted:
    """Converts a checkpoint to fp32 or a quantised program to int8.

    Args:
        kind: the format.
        source: a ``.safetensors`` checkpoint or a ``.pt2`` program.
        output: the file to write.
        photos: names and photos (H, W, 3) uint8 for the gate; the embedded ones by default.
        size: height and width in pixels; the source's own by default.
        overwrite: whether existing files may be replaced.
        allow_scales: whether scales may differ from the program's.

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
        side = (opened.size, opened.size)
        resized = [(name, resize_photo(photo, side)) for name, photo in photos or embedded()]
        backend = kind.open(temporary, 1)
        parity = compare(backend.run, opened.reference, opened.reference_name, resized)
        checks: dict[str, dict[str, Any]] = {}
        integers: Parity | None = None
        if opened.quantisation:
            program = cast("QuantizedProgram", opened.network)
            # First, since they say what is wrong where whole maps only show that something is.
            checks, integers = _gates(kind, program, temporary, backend, resized, allow_scales)
        # What does the same in integers is right, however far an ill-conditioned network's maps
        # depart from those of its program in float.
        if integers is None or not INTEGER_LIMIT.holds(integers):
            kind.limits[opened.precision].check(parity)
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
                **checks,
            },
            delegation=content.delegation,
        )
        write_manifest(output, manifest, overwrite=overwrite)
    return Converted(output, manifest, parity, integers)


def _gates(
    kind: Format,
    program: QuantizedProgram,
    artefact: Path,
    backend: Backend,
    photos: Sequence[tuple[str, Bytes]],
    allow_scales: bool,
) -> tuple[dict[str, dict[str, Any]], Parity]:
    """Figures by name of the gates that only a quantised artefact passes, one of them whole."""
    from convert.integers import IntegerProgram
    from convert.program_graph import program_graph

    # Read back from the file that is written: memory could hold scales that the file does not.
    file = artefact.read_bytes()
    scales = compare_scales(program_graph(program.module), kind.graph(file))
    if not allow_scales:
        scales.check()
    reference = IntegerProgram(program, kind.resize, kind.sums)
    integers = compare(backend.run, reference.run, INTEGERS, photos)
    if not allow_scales:
        # Of onnxruntime's integers only the sums are modelled, the rest is XNNPACK's.
        loose = reference.in_float or kind.sums == "float"
        (ISLAND_LIMIT if loose else INTEGER_LIMIT).check(integers)
    figures = {
        "scales": scales.figures(),
        "integers": {**integers.figures(), "in_float": reference.in_float},
        **kind.gates(program, file, allow_scales),
    }
    return figures, integers


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
            *(f"  {parity}" for parity in (done.parity, done.integers) if parity),
            *(describe_scales(scales) if (scales := done.manifest.parity.get("scales")) else ()),
            f"  {took.inside} operations in {took.partitions} {took.delegate} pieces",
            f"  outside: {outside}",
            *(f"    {name}: {reason}" for name, reason in took.reasons.items()),
        ]
    )
