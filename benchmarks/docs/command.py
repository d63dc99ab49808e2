"""``samnet docs``: figures and picture of the documentation, from result files.

Reads what commands wrote to ``results/`` and replaces the marked blocks of README.md and the pages
in docs/; runs a shipped artifact on embedded photos for the picture.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.docs import (
    benchmarks_page,
    convert_page,
    devices_page,
    int8_page,
    models_page,
    rivals_page,
    rivals_picture,
    training_page,
    video_page,
)
from benchmarks.docs.commands_page import commands
from benchmarks.latency.table import markdown as latency_table
from benchmarks.report.cores import cores_table
from benchmarks.report.pareto import pareto_entries
from benchmarks.report.recommendations import advice, advice_table
from benchmarks.report.result_readers import accuracies, timings
from benchmarks.results.accuracy_kinds import Accuracy, PtqOptions, Sensitivity
from benchmarks.results.device_kinds import (
    Android,
    Board,
    LongRun,
    PlaceAgreement,
    Stages,
    Start,
    Steadiness,
)
from benchmarks.results.reader import (
    FOLDER,
    Kind,
    Results,
    is_current,
    newest,
    read_results,
    stale,
    stale_lines,
)
from benchmarks.results.speed_kinds import Cost, Instructions, Latency, Profile, TfliteEngines
from benchmarks.results.training_kinds import Ablation, Throughput
from benchmarks.shared.tables import markdown
from common.command import Command
from common.errors import InputError
from common.files import replacing
from common.images.photos import Bytes, overlay, resize_map, resize_photo
from convert.contract import forms as formats
from edge_apps.shipped import default_model

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- {}: samnet docs -->", "<!-- end of {} -->"
SHOWN = ("astronaut", "chelsea", "coffee", "rocket")
TILE = (198, 264)
"""Height and width of one picture in the README, in pixels."""
GAP = 6
MAIN = "ECSSD"
"""Data set that the advice goes by."""
PENDING = "not measured yet"
ENDS = {"plain": "", "refined": ", refined", "given": ""}

Draw = Callable[[Kind], str]
Fits = Callable[[Kind], bool]


@dataclasses.dataclass
class Options:
    """What to read and where to write."""

    results: Path = FOLDER
    """Folder of result files."""
    readme: Path = ROOT / "README.md"
    """The file whose marked block is replaced."""
    training: Path = ROOT / "docs" / "training.md"
    """Likewise, with its blocks on recipes, throughput and the paper's ablation."""
    int8: Path = ROOT / "docs" / "int8.md"
    """Likewise, with its blocks on what int8 costs and gains."""
    benchmarks: Path = ROOT / "docs" / "benchmarks.md"
    """Likewise, with its blocks on latency and cost."""
    commands: Path = ROOT / "docs" / "commands.md"
    """Likewise, with its list of commands."""
    convert: Path = ROOT / "docs" / "convert.md"
    """Likewise, with its blocks on formats and engines."""
    devices: Path = ROOT / "docs" / "devices.md"
    """Likewise, with its blocks on arm64, start, memory and phones."""
    video: Path = ROOT / "docs" / "video.md"
    """Likewise, with its blocks on steady maps and the stages of a frame."""
    model: Path = dataclasses.field(default_factory=default_model)
    """What makes the maps of the picture."""
    picture: Path = ROOT / "docs" / "saliency.jpg"
    """The picture of photos and maps to write."""
    pareto: Path = ROOT / "docs" / "pareto.png"
    """The picture of accuracy against cost to write."""


def main(options: Options) -> None:
    """Write the picture and the block; replace what stood there."""
    from edge_apps.maps.refinement import Refinement
    from samnet.data.embedded import embedded_photos
    from samnet.evaluation.predictor import load_predictor

    results = read_results(options.results)
    texts = pages(options, results)
    predict = load_predictor(options.model, refine=Refinement())
    photos = {it.name: it.photo for it in embedded_photos()}
    columns = [(photos[name], predict(photos[name])) for name in SHOWN]
    with replacing(options.picture, overwrite=True) as temporary:
        Image.fromarray(sheet(columns)).save(temporary, quality=84, optimize=True)
    with replacing(options.pareto, overwrite=True) as temporary:
        # Without the version of matplotlib, so that the same figures give the same file.
        rivals_picture.picture(results).savefig(
            temporary, format="png", dpi=110, metadata={"Software": None}
        )
    for page, text in texts.items():
        with replacing(page, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
    written = ", ".join(map(str, texts))
    print(f"{options.picture} by {options.model.name}; {written} from {len(results)} results")
    for line in stale_lines(results):
        print(line, file=sys.stderr)


def pages(options: Options, results: Results) -> dict[Path, str]:
    """Build the texts of all pages, their blocks made from results.

    Raises:
        InputError: as :func:`with_blocks`.
    """

    def shown(kind: type[Kind], draw: Draw[Kind], fits: Fits[Kind] = lambda _: True) -> str:
        """Draw a block of the newest result of a kind that fits; name a stale one."""
        result = newest(results, kind, fits)
        if result is None:
            return PENDING
        files = ", ".join(f"`{name}`" for name in stale(result))
        return f"{draw(result)}\n\nMeasured on an earlier {files}." if files else draw(result)

    blocks = {
        options.readme: {"models": models_page.table(results)},
        options.training: {
            "recipes": shown(Ablation, training_page.recipes, lambda it: it.table == "recipe"),
            "throughput": shown(Throughput, training_page.throughput),
            "ablation": shown(Ablation, training_page.ablation, lambda it: it.table == "IV"),
            "lite": shown(Ablation, training_page.ablation, lambda it: it.table == "lite"),
        },
        options.int8: {
            "triplet": shown(Accuracy, int8_page.triplet, int8_page.has_qat),
            "latency": shown(Latency, int8_page.latency, int8_page.is_ours),
            "instructions": shown(Instructions, int8_page.instructions, int8_page.has_several),
            "memory": shown(Latency, int8_page.memory, int8_page.is_ours),
            "modules": shown(Profile, int8_page.modules),
            "sensitivity": shown(Sensitivity, int8_page.sensitivity),
            "options": shown(PtqOptions, int8_page.options),
        },
        options.commands: {"commands": commands()},
        options.benchmarks: {
            "figures": figures(results),
            "rivals": shown(
                Latency, lambda it: rivals_page.table(it, results), rivals_page.has_rivals
            ),
            "latency": shown(Latency, latency_table, benchmarks_page.has_openvino),
            "lightweight": shown(Latency, latency_table, benchmarks_page.has_baselines),
            "cost": shown(Cost, benchmarks_page.cost),
        },
        options.convert: {
            "formats": formats.table(),
            "engines": shown(TfliteEngines, convert_page.engines),
        },
        options.devices: {
            "devices": devices(results),
            "cores": cores_table(results).markdown(),
            "agreement": shown(PlaceAgreement, devices_page.agreement),
            "board": shown(Board, devices_page.board),
            "start": shown(Start, devices_page.start),
            "long_run": shown(LongRun, devices_page.long_run),
            "android": shown(Android, devices_page.android),
        },
        options.video: {
            "steadiness": shown(Steadiness, video_page.steadiness),
            "stages": shown(Stages, video_page.stages),
        },
    }
    return {page: with_blocks(page, parts) for page, parts in blocks.items()}


def devices(results: Results) -> str:
    """Say which file to use on which device: the head of the report."""
    scores = accuracies(results)
    rows = pareto_entries(timings(results), scores, results, MAIN)
    return advice_table(advice(rows, scores, results, MAIN)).markdown()


def figures(results: Results) -> str:
    """Tell the accuracy of ours that are shipped on every data set, as a Markdown table."""
    rows = sorted(
        (
            it.row
            for it in accuracies(results)
            if it.file.ours and is_current(it.row.file, it.row.sha256)
        ),
        key=lambda row: (row.data, row.file, row.last_step),
    )
    scores = [(f"{row.max_F:.3f}", f"{row.MAE:.3f}") for row in rows]
    cells = [
        (f"`{row.file}`{ENDS[row.last_step]}", row.data, str(row.count), *both)
        for row, both in zip(rows, scores, strict=True)
    ]
    return markdown(("network", "data set", "photos", "max F", "MAE"), cells) if cells else ""


def with_blocks(page: Path, blocks: Mapping[str, str]) -> str:
    """Replace the blocks of a page between the marks of their names.

    Raises:
        InputError: if the file or a mark is missing.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{page}: cannot be read ({error.strerror})") from error
    for name, block in blocks.items():
        opening, closing = BEGIN.format(name), END.format(name)
        head, begin, rest = text.partition(opening)
        _, end, tail = rest.partition(closing)
        if not begin or not end:
            raise InputError(
                f"{page}: the marks {opening} and {closing} are missing; put them back"
            )
        text = f"{head}{begin}\n{block}\n{end}{tail}"
    return text


def sheet(columns: Sequence[tuple[Bytes, Bytes]]) -> Bytes:
    """Draw photos in a row, their maps below, what is salient tinted below that, on white.

    Args:
        columns: each a photo (H, W, 3) uint8 and its map (H, W) uint8.
    """
    height, width = TILE
    step_y, step_x = height + GAP, width + GAP
    page = np.full((3 * step_y - GAP, len(columns) * step_x - GAP, 3), 255, np.uint8)
    for x, (photo, saliency_map) in enumerate(columns):
        photo, saliency_map = (
            resize_photo(_cropped(photo), TILE),
            resize_map(_cropped(saliency_map), TILE),
        )
        for y, tile in enumerate(
            (photo, np.dstack([saliency_map] * 3), overlay(photo, saliency_map))
        ):
            page[y * step_y :, x * step_x :][:height, :width] = tile
    return page


def _cropped(picture: Bytes) -> Bytes:
    """Crop the middle of a picture, in the proportions of a tile."""
    height, width = picture.shape[:2]
    scale = min(height / TILE[0], width / TILE[1])
    h, w = int(TILE[0] * scale), int(TILE[1] * scale)
    top, left = (height - h) // 2, (width - w) // 2
    return np.ascontiguousarray(picture[top : top + h, left : left + w])


COMMAND = Command.of(Options, main, "Writes the picture and the figures of the README.")
