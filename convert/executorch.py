"""Writes ``.pte`` artefacts: ``python -m convert.executorch``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from convert.artefact import Content, Converted, Format, describe, write_artefact
from convert.parity import FLOAT_LIMIT, INT8_LIMIT
from convert.pte_graph import pte_graph
from convert.source import Precision, Source, precision_of
from edge_apps.errors import InputError
from edge_apps.manifest import Interface
from edge_apps.photos import Bytes, find_photos, read_photo
from edge_apps.pte_backend import open_pte
from samnet.command import run_command


def _make(source: Source) -> Content:
    from convert.lowering import PhotoToMap, fold_weights, lower
    from quantize.folding import fold_batch_norm
    from samnet.deployment import DeployedNetwork

    scale = 1 / (255 * source.preprocessing.std)
    middle = 255 * source.preprocessing.mean
    offset = middle * scale
    if isinstance(source.network, DeployedNetwork):
        steps = 255.0
        module = PhotoToMap(fold_batch_norm(source.network), scale, offset, steps, rounding=0.5)
    else:
        # The output's codes are the map's bytes as they are.
        steps = 256.0
        weights = fold_weights(source.network.exported)
        module = PhotoToMap(weights, scale, offset, steps, rounding=0.0)
    file, delegation = lower(module, source.size)
    photo, map = (1, source.size, source.size, 3), (1, source.map_size, source.map_size)
    return Content(
        file,
        Interface(photo, "NHWC", "uint8", scale, round(middle)),
        Interface(map, "NHW", "uint8", 1 / steps, 0),
        delegation,
    )


FORMAT = Format(
    suffix=".pte",
    engine="executorch",
    packages=("executorch", "torch", "torchao"),
    limits={"fp32": FLOAT_LIMIT, "int8": INT8_LIMIT},
    make=_make,
    open=open_pte,
    graph=pte_graph,
    resize="float",
)


def convert_executorch(
    source: str | Path,
    output: str | Path,
    *,
    photos: Sequence[tuple[str, Bytes]] = (),
    size: int | None = None,
    overwrite: bool = False,
    allow_scales: bool = False,
) -> Converted:
    """Converts a checkpoint to fp32 or a quantised program to int8, as a ``.pte``.

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
    """The .pte to write; its manifest is written beside it."""
    precision: Precision | None = None
    """Follows from the model; if given, it must agree."""
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
    done = convert_executorch(
        options.model,
        options.output,
        photos=photos,
        size=options.size,
        overwrite=options.overwrite,
        allow_scales=options.allow_scales,
    )
    print(describe(done, FORMAT))


if __name__ == "__main__":
    run_command(Options, main, "Write a .pte artefact, check it and describe it in a manifest.")
