"""``python -m benchmarks.docs``: figures and picture of the documentation, from result files.

Reads what commands wrote to ``results/`` and replaces the marked blocks of README.md and the pages
in docs/; runs a shipped artifact on embedded photos for the picture.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.docs import benchmarks_page, convert_page, devices_page, int8_page
from benchmarks.docs.commands_page import commands
from benchmarks.docs.training_page import ablation, recipes, throughput
from benchmarks.report.pareto import pareto_entries
from benchmarks.report.recommendations import advice, advice_table
from benchmarks.report.result_readers import accuracies, timings
from benchmarks.shared.tables import markdown
from common.command import Command
from common.errors import InputError
from common.files import replacing
from common.images.photos import Bytes, overlay, resize_map, resize_photo
from common.result_file import by_last_step
from convert.contract import forms
from edge_apps.shipped import default_model

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- {}: python -m benchmarks.docs -->", "<!-- end of {} -->"
SHOWN = ("astronaut", "chelsea", "coffee", "rocket")
TILE = (198, 264)
"""Height and width of one picture in the README, in pixels."""
GAP = 6
MAIN = "ECSSD"
"""Data set that the advice goes by."""


@dataclasses.dataclass
class Options:
    """Options of ``python -m benchmarks.docs``."""

    results: Path = ROOT / "results"
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
    model: Path = dataclasses.field(default_factory=default_model)
    """What makes the maps of the picture."""
    picture: Path = ROOT / "docs" / "saliency.jpg"
    """The picture to write."""


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
    for page, text in texts.items():
        with replacing(page, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
    written = ", ".join(map(str, texts))
    print(f"{options.picture} by {options.model.name}; {written} from {len(results)} results")


def pages(options: Options, results: Mapping[str, Mapping[str, Any]]) -> dict[Path, str]:
    """Build the texts of all pages, their blocks made from results.

    Raises:
        InputError: as :func:`with_blocks`.
    """
    blocks = {
        options.readme: {"devices": devices(results), "figures": figures(results)},
        options.training: {
            "recipes": recipes(results),
            "throughput": throughput(results),
            "ablation": ablation(results, "ablation_iv"),
            "lite": ablation(results, "ablation_lite"),
        },
        options.int8: {
            "triplet": int8_page.triplet(results),
            "latency": int8_page.latency(results),
            "instructions": int8_page.instructions(results),
            "memory": int8_page.memory(results),
            "modules": int8_page.modules(results),
            "sensitivity": int8_page.sensitivity(results),
            "options": int8_page.options(results),
        },
        options.commands: {"commands": commands()},
        options.benchmarks: {
            "latency": benchmarks_page.latency(results),
            "lightweight": benchmarks_page.latency(results, "latency_lightweight"),
            "cost": benchmarks_page.cost(results),
        },
        options.convert: {
            "formats": forms.table(),
            "engines": convert_page.engines(results),
        },
        options.devices: {
            "agreement": devices_page.agreement(results),
            "departures": devices_page.rounding_differences(results),
            "board": devices_page.board(results),
            "start": devices_page.start(results),
            "long_run": devices_page.long_run(results),
            "android": devices_page.android(results),
        },
    }
    return {page: with_blocks(page, parts) for page, parts in blocks.items()}


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Read all result files of a folder by their name, sorted.

    Raises:
        InputError: if there is none, or one is no JSON.
    """
    found = {}
    # A dot begins the name of a file that is being written.
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path}: not readable as JSON ({error}); measure anew") from error
    if not found:
        raise InputError(f"{folder}: no result file; write one with samnet.evaluate --json")
    return found


def devices(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Say which file to use on which device: the head of benchmarks.report."""
    scores = accuracies(results)
    rows = pareto_entries(timings(results), scores, results, MAIN)
    return advice_table(advice(rows, scores, results, MAIN)).markdown()


def figures(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Tabulate results in Markdown: accuracy on data sets, then size and latency."""
    accuracy = {
        # A later result of the same file on the same photos takes the place of an earlier one.
        (data["name"], result["model"], end): (found["count"], found["max_F"], found["MAE"])
        for result in sorted(results.values(), key=_date)
        if result.keys() >= {"model", "maps", "data"}  # those of samnet.evaluate
        # Only what is shipped.
        and not Path(result["model"]).is_absolute()
        and (ROOT / result["model"]).is_file()
        for data in result["data"]
        for end, found in by_last_step(data)
    }
    parts = []
    if accuracy:
        rows = [
            (f"`{Path(model).name}`{end}", name, str(count), f"{max_f:.3f}", f"{mae:.3f}")
            for (name, model, end), (count, max_f, mae) in sorted(accuracy.items())
        ]
        parts.append(markdown(("network", "data set", "photos", "max F", "MAE"), rows))
    for result in results.values():
        if "latency_protocol" in result:
            parts.append(_forms(result))
    return "\n\n".join(parts)


def _date(result: Mapping[str, Any]) -> str:
    """Tell when a result was measured, in ISO 8601; empty where it does not say."""
    return str(result.get("environment", {}).get("date", ""))


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


def _forms(result: Mapping[str, Any]) -> str:
    """Tabulate size and latency of the forms that the demo measured."""
    rows = [
        (
            f"`{row['file']}`",
            f"{row['megabytes']:.1f}",
            f"{row['latency_ms']['median']:.1f} ({row['latency_ms']['minimum']:.1f})",
        )
        for row in result["rows"]
    ]
    note = f"{result['latency_protocol']} On {result['environment']['cpu']}."
    return markdown(("form", "size, MB", "latency, ms"), rows) + f"\n\n{note}"


def _cropped(picture: Bytes) -> Bytes:
    """Crop the middle of a picture, in the proportions of a tile."""
    height, width = picture.shape[:2]
    scale = min(height / TILE[0], width / TILE[1])
    h, w = int(TILE[0] * scale), int(TILE[1] * scale)
    top, left = (height - h) // 2, (width - w) // 2
    return np.ascontiguousarray(picture[top : top + h, left : left + w])


COMMAND = Command.of(Options, main, "Writes the picture and the figures of the README.")
