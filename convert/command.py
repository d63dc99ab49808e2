"""What the commands of all formats share."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from convert.artefact import Format, describe, write_artefact
from convert.source import Precision, precision_of
from edge_apps.errors import InputError
from edge_apps.photos import find_photos, read_photo


@dataclasses.dataclass
class Options:
    model: Path
    """Checkpoint (.safetensors) for fp32, or quantised program (.pt2) for int8."""
    output: Path
    """The artefact to write; its manifest is written beside it."""
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


def convert(kind: Format, options: Options) -> None:
    """Converts and prints what came of it.

    Raises:
        InputError: as :func:`convert.artefact.write_artefact`, and for another precision than the
            model's.
    """
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
    done = write_artefact(
        kind,
        options.model,
        options.output,
        photos=photos,
        size=options.size,
        overwrite=options.overwrite,
        allow_scales=options.allow_scales,
    )
    print(describe(done, kind))
