"""Writes ``.tflite`` artefacts: ``python -m convert.tflite``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from convert.artefact import Content, Converted, Format, describe, embedded, write_artefact
from convert.parity import FLOAT_LIMIT, INT8_LIMIT
from convert.source import Precision, Source, precision_of
from convert.tflite_graph import tflite_graph
from edge_apps.errors import InputError
from edge_apps.photos import Bytes, find_photos, read_photo, resize_photo
from edge_apps.tflite_backend import open_tflite
from samnet.command import run_command

if TYPE_CHECKING:
    from quantize.program import QuantizedProgram


def _make(source: Source) -> Content:
    from convert import litert
    from convert.delegation import delegation, interfaces
    from samnet.deployment import DeployedNetwork

    if isinstance(source.network, DeployedNetwork):
        file = litert.convert_float(source.network, source.preprocessing)
    else:
        file = litert.convert_int8(source.network)
    photo, map = interfaces(file)
    return Content(file, photo, map, delegation(file))


def _gates(program: QuantizedProgram, file: bytes, allow_scales: bool) -> dict[str, dict[str, Any]]:
    """Figures of the embedded photo on which an operation departs most from the program's."""
    from convert.stepwise import compare_steps

    side = (program.info.size, program.info.size)
    found = [compare_steps(file, program, resize_photo(photo, side)) for _, photo in embedded()]
    for steps in found:
        steps.check(allow_lost=allow_scales)
    return {"steps": max(found, key=lambda steps: steps.largest).figures()}


FORMAT = Format(
    suffix=".tflite",
    engine="litert-torch",
    packages=("litert-torch", "litert-converter", "ai-edge-litert", "torch", "torchao"),
    limits={"fp32": FLOAT_LIMIT, "int8": INT8_LIMIT},
    make=_make,
    open=open_tflite,
    graph=tflite_graph,
    resize="integer",
    gates=_gates,
)


def convert_tflite(
    source: str | Path,
    output: str | Path,
    *,
    photos: Sequence[tuple[str, Bytes]] = (),
    size: int | None = None,
    overwrite: bool = False,
    allow_scales: bool = False,
) -> Converted:
    """Converts a checkpoint to fp32 or a quantised program to int8, as a ``.tflite``.

    The arguments and errors are those of :func:`convert.artefact.write_artefact`.
    """
    return write_artefact(
        FORMAT,
        source,
        output,
        photos=photos,
        size=size,
        overwrite=overwrite,
        allow_scales=allow_scales,
    )


@dataclasses.dataclass
class Options:
    model: Path
    """Checkpoint (.safetensors) for fp32, or quantised program (.pt2) for int8."""
    output: Path
    """The .tflite to write; its manifest is written beside it."""
    precision: Precision | None = None
    """Follows from the model; if given, it must agree."""
    engine: Literal["litert"] = "litert"
    """What converts."""
    size: int | None = None
    """Height and width in pixels; the model's own by default."""
    photos: tuple[Path, ...] = ()
    """Photos or folders that the artefact is compared on; the embedded ones by default."""
    overwrite: bool = False
    """Replace existing files."""
    allow_scales: bool = False
    """Write the artefact even if scales differ from the program's."""


def main(options: Options) -> None:
    """Converts and prints what came of it."""
    found = precision_of(options.model)
    if options.precision not in (None, found):
        raise InputError(
            f"{options.model}: leads to {found}, not {options.precision}; give a .safetensors "
            "checkpoint for fp32, or quantise it with quantize.ptq for int8"
        )
    photos = []
    if options.photos:
        photos = [(path.name, read_photo(path)) for path in find_photos(options.photos)]
    print(f"converting {options.model} to {found}, which takes a minute or two", flush=True)
    done = convert_tflite(
        options.model,
        options.output,
        photos=photos,
        size=options.size,
        overwrite=options.overwrite,
        allow_scales=options.allow_scales,
    )
    print(describe(done, FORMAT))


if __name__ == "__main__":
    run_command(Options, main, "Write a .tflite artefact, check it and describe it in a manifest.")
