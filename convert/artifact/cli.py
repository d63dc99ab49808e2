"""Options and main function that the commands of all formats share."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from common.arguments import MODEL
from common.errors import InputError
from common.images.photo_files import find_photos
from common.images.photos import Bytes, read_photo
from convert.artifact.write import describe, write_artifact
from convert.checks.context import Trial
from convert.contract.engine import Format
from convert.contract.forms import Engine, choose
from convert.contract.source import kind_of_source
from convert.tflite.interface import Tensors
from edge_apps.manifest import Precision
from samnet.checkpoints.shipped import shipped_weights

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclasses.dataclass
class Options:
    """Options that the commands of all formats share."""

    model: Annotated[Path, MODEL]
    """Checkpoint (.safetensors) or the name of a shipped one (samnet-lite), or quantized program
    (.pt2) for int8 and int16x8."""
    output: Path
    """The artifact to write; its manifest is written beside it."""
    precision: Precision | None = None
    """Precision that the model leads to; by default fp32 of a checkpoint, the recipe's of a
    program."""
    size: int | None = None
    """Height and width in pixels, 96 or more in steps of 32, or 336; the model's own by default."""
    output_stride: int | None = None
    """Stride of the map that comes out: that of the decoder by default, whose logits its user
    enlarges, or a smaller one, such as 1, for users who cannot."""
    io: Tensors = "bytes"
    """What goes in and comes out: photos and maps in bytes, or float32 tensors, a photo normalized
    as the manifest says."""
    photos: tuple[Path, ...] = ()
    """Photos or folders that the artifact is compared on; the embedded ones by default."""
    data: str | None = None
    """Photos with masks, NAME=DIR: max F and MAE may not fall behind the checkpoint's on them."""
    origin: Path | None = None
    """With --data and a program: the checkpoint it was quantized from. Without it the program is
    what the artifact may not fall behind."""
    require_delegated: float | None = None
    """Share of the multiply-adds, 0 to 1, that must run on the runtime's fast path."""
    overwrite: bool = False
    """Replace existing files."""
    allow_scales: bool = False
    """Write the artifact even if scales differ from the program's."""


def convert(
    kind: Format,
    options: Options,
    engine: Engine | None = None,
    calibration: Sequence[Bytes] = (),
) -> None:
    """Convert and print what came of it.

    Raises:
        InputError: as :func:`convert.artifact.write.write_artifact`, and for options that
            exclude each other.
    """
    model = shipped_weights(str(options.model)) or options.model
    form = choose(kind.suffix, kind_of_source(model), options.precision, engine)
    if options.origin and (options.data is None or form.start != "program"):
        raise InputError("--origin goes with --data and a .pt2 program; leave it out")
    photos = []
    if options.photos:
        photos = [(path.name, read_photo(path)) for path in find_photos(options.photos)]
    trial = None
    if options.data is not None:
        from samnet.data.survey import open_data

        trial = Trial(open_data(options.data), options.origin)
    print(f"converting {model} with {form.engine}, which takes a minute or two", flush=True)
    done = write_artifact(
        kind,
        model,
        options.output,
        precision=options.precision,
        engine=engine,
        tensors=options.io,
        photos=photos,
        calibration=calibration,
        trial=trial,
        size=options.size,
        output_stride=options.output_stride,
        require_delegated=options.require_delegated,
        overwrite=options.overwrite,
        allow_scales=options.allow_scales,
    )
    print(describe(done))
