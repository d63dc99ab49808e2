"""``samnet sheet --data NAME=DIR --model FILE --output SHEET.png``: draws maps.

A contact sheet: photos of a data set, their masks and the maps of one or more models, each with
its mean absolute error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.arguments import MODEL
from common.command import Command
from common.errors import InputError
from common.images.photos import Bytes, read_map, read_photo, write_image
from common.map_accuracy import mean_absolute_error
from common.output_paths import check_absent
from common.progress import progress
from samnet.data.layouts import DataSet, Pair
from samnet.data.survey import open_data, size_fault
from samnet.evaluate import MapSource, predicted_maps, ready_maps
from samnet.evaluation.predictor import load_predictor

TILE = (120, 160)
"""Height and width in pixels that a picture is fitted into."""

CAPTION, GAP, GROUP_GAP = 16, 4, 16
"""Height of a line of text, and pixels between tiles and between groups of them."""

Tile = tuple[Bytes, str]
"""A picture, (H, W) or (H, W, 3) uint8, with its caption."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to show."""

    data: str
    """Data set as NAME=DIR, NAME=PHOTOS:MASKS or NAME=LIST."""

    model: Annotated[tuple[Path, ...], MODEL]
    """A checkpoint (.safetensors), an artifact (.tflite, .pte) or a folder of maps;
    several stand side by side."""

    output: Path
    """Picture to write, such as sheet.png."""

    count: int = 24
    """Photos, spread evenly over the set."""

    stems: tuple[str, ...] = ()
    """Photos by stem in place of an even choice."""

    across: int = 3
    """Photos side by side."""

    size: int | None = None
    """Pixels at which checkpoints run; their own by default."""

    threads: int | None = None
    """Threads that a network may use."""

    overwrite: bool = False
    """Replace the picture if it exists."""


def main(options: Options) -> None:
    """Write the sheet and print the mean error of each model on it.

    Raises:
        InputError: for wrong input; no picture is written then.
    """
    if not options.model:
        raise InputError("no --model; give checkpoints, artifacts or folders of maps")
    if options.across < 1:
        raise InputError(f"--across is {options.across}, expected at least 1")
    check_absent(options.output, overwrite=options.overwrite)
    data = open_data(options.data)
    data = dataclasses.replace(data, pairs=tuple(chosen(data, options.count, options.stems)))
    sources = {name: _source(path, data, options) for name, path in _names(options.model).items()}
    rows, errors = [], []
    for pair in progress(data.pairs, len(data.pairs), data.name):
        tiles, row_errors = tiles_of(pair, sources)
        rows.append(tiles)
        errors.append(row_errors)
    write_image(options.output, draw(rows, options.across), overwrite=options.overwrite)
    for name, error in zip(sources, np.mean(errors, axis=0), strict=True):
        print(f"{name}: MAE {error:.4f} on these {len(rows)} photos of {data.name}")


def chosen(data: DataSet, count: int, stems: Sequence[str] = ()) -> list[Pair]:
    """Choose the pairs to show: those of the stems, else ``count`` spread evenly over the set.

    Raises:
        InputError: for a count below 1 or an unknown stem.
    """
    if stems:
        known = {pair.stem: pair for pair in data.pairs}
        if unknown := [stem for stem in stems if stem not in known]:
            raise InputError(
                f"{data.name} has no photo with the stem {unknown[0]}; expected one such as "
                f"{data.pairs[0].stem}"
            )
        return [known[stem] for stem in stems]
    if count < 1:
        raise InputError(f"--count is {count}, expected at least 1")
    places = np.linspace(0, len(data.pairs) - 1, min(count, len(data.pairs)))
    return [data.pairs[round(place)] for place in places]


def tiles_of(pair: Pair, sources: dict[str, MapSource]) -> tuple[list[Tile], list[float]]:
    """Make photo, mask and maps of a pair with captions, and the maps' mean absolute errors.

    Raises:
        InputError: if a file cannot be read or sizes differ.
    """
    mask = read_map(pair.mask)
    tiles: list[Tile] = [(read_photo(pair.photo), pair.stem), (mask, "mask")]
    errors = []
    for name, source in sources.items():
        saliency_map = source(pair)
        if fault := size_fault(pair, saliency_map.shape[::-1], mask.shape[::-1]):
            raise InputError(fault)
        errors.append(mean_absolute_error(saliency_map, mask))
        tiles.append((saliency_map, f"{name} {errors[-1]:.3f}"))
    return tiles, errors


def draw(rows: Sequence[Sequence[Tile]], across: int) -> Bytes:
    """Draw the sheet, (H, W, 3) uint8: groups of tiles, ``across`` of them side by side."""
    across = min(across, len(rows))
    height, width = TILE[0] + CAPTION + GAP, TILE[1] + GAP
    group = len(rows[0]) * width + GROUP_GAP
    lines = -(-len(rows) // across)
    sheet = Image.new("RGB", (across * group - GROUP_GAP + GAP, lines * height + GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for i, row in enumerate(rows):
        for j, (picture, caption) in enumerate(row):
            x, y = GAP + i % across * group + j * width, GAP + i // across * height
            image = Image.fromarray(picture).convert("RGB")
            image.thumbnail((TILE[1], TILE[0]))
            sheet.paste(image, (x + (TILE[1] - image.width) // 2, y + TILE[0] - image.height))
            pen.text((x, y + TILE[0] + 1), _fitting(caption, font), "black", font)
    return np.array(sheet)


def _fitting(caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Shorten the caption to as much of its end as is no wider than a tile."""
    short = caption
    while font.getlength(short) > TILE[1]:
        short = "…" + short.lstrip("…")[1:]
    return short


def _names(models: Sequence[Path]) -> dict[str, Path]:
    """Name models by the shortest name that tells them apart: file name, else path.

    Raises:
        InputError: if a model was given twice.
    """
    names = [path.name for path in models]
    if len(set(names)) < len(names):
        names = [str(path) for path in models]
    if len(set(names)) < len(names):
        raise InputError(f"models {', '.join(names)}; expected each once")
    return dict(zip(names, models, strict=True))


def _source(path: Path, data: DataSet, options: Options) -> MapSource:
    if path.is_dir():
        return ready_maps(path, data)
    return predicted_maps(
        load_predictor(path, options.threads, options.size), None, overwrite=False
    )


COMMAND = Command.of(Options, main, "Writes a contact sheet of photos, masks and maps.")

if __name__ == "__main__":
    COMMAND.run()
