"""``python -m benchmarks.demo``: shipped weights to int8 artefacts, and what that changes.

Quantises the shipped network on the embedded photos, converts it to every format in both
precisions, runs all of them on the photos and reports size, latency, accuracy and agreement.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.comparison import Comparison, Scene, compare, table
from benchmarks.demo_report import Report, write_report
from benchmarks.forms import FORMS, candidates
from benchmarks.steps import Steps
from benchmarks.timing import WARM_UP, Protocol, load_runner, measure, pinned
from edge_apps.errors import InputError
from edge_apps.files import sha256
from edge_apps.photos import resize_photo
from samnet.command import run_command

if TYPE_CHECKING:
    from samnet.checkpoint import Checkpoint

WEIGHTS = Path(__file__).resolve().parents[1] / "samnet" / "weights" / "samnet-lite.safetensors"

THREADS = 1
"""Of every timed network: what all runtimes can be held to."""


@dataclasses.dataclass
class Options:
    model: Path = WEIGHTS
    """The float checkpoint to start from; by default the shipped one."""
    output: Path = Path("runs/demo")
    """Folder for the artefacts, the report and the result file."""
    size: int | None = None
    """Input height and width in pixels; the checkpoint's own if not given."""
    count: int = 64
    """Photos and crops of them to calibrate on."""
    repetitions: int = 25
    """Timed runs of each form."""
    overwrite: bool = False
    """Replace what an earlier run left in the folder."""


def main(options: Options) -> None:
    """Makes the artefacts, compares them and reports.

    Raises:
        InputError: if the checkpoint cannot be used, or files stand in the way.
    """
    from samnet.checkpoint import load_checkpoint
    from samnet.data.embedded import embedded_photos
    from samnet.metrics import PROTOCOL
    from samnet.results import environment, write_result

    checkpoint = load_checkpoint(options.model)
    size = options.size or checkpoint.preprocessing.size
    artefacts = [form.path(options.output, options.model, size) for form in FORMS]
    report_file, result_file = options.output / "report.html", options.output / "result.json"
    program = options.output / f"{options.model.stem}_{size}_int8.pt2"
    for file in (report_file, result_file, program, *artefacts):
        if file.exists() and not options.overwrite:
            raise InputError(f"{file}: already exists; pass --overwrite or another --output")
    scenes = [Scene(*photo) for photo in embedded_photos()]
    steps = Steps(len(FORMS) + 3, options.output / "demo.log")

    with steps.step(f"Quantise on {options.count} photos and crops", usually=105):
        calibration = quantise(options, checkpoint, scenes, program)
    for form, path in zip(FORMS, artefacts, strict=True):
        with steps.step(f"Convert to {form.label}, {form.suffix}", usually=form.usually):
            form.convert(options.model if form.precision == "fp32" else program, path, size)
    with steps.step(f"Run every form on {len(scenes)} photos", usually=2):
        comparison = compare(candidates(options.model, artefacts, size), scenes)
    with steps.step("Time every form, in turn", usually=2):
        comparison, used = timed(comparison, [options.model, *artefacts], options.repetitions, size)

    report = Report(
        title="int8 beside fp32",
        summary=(
            f"{options.model.stem} at {size} × {size} pixels: quantised after training on "
            f"{options.count} photos and crops of them, converted for two runtimes, and run in "
            f"every form on the same {len(scenes)} photos."
        ),
        comparison=comparison,
        steps=tuple(steps.done),
        protocol=used,
        notes=(
            f"The {len(scenes)} photos show that every form works; they are too few to rank "
            "networks by, and the int8 forms were calibrated on them.",
            PROTOCOL,
            credits(),
        ),
        environment=environment(THREADS),
    )
    write_report(report_file, report)
    result = {
        "model": options.model.name,
        "model_sha256": sha256(options.model),
        "size": size,
        "calibration": calibration,
        "photos": [scene.name for scene in scenes],
        "steps": [dataclasses.asdict(step) for step in steps.done],
        "latency_protocol": used.describe(),
        "protocol": PROTOCOL,
        "rows": [row.to_dict() for row in comparison.rows],
        "environment": report.environment,
    }
    write_result(result_file, result, overwrite=True)
    print(table(comparison.rows))
    for note in (used.describe(), PROTOCOL):
        print(textwrap.fill(note, 100))
    print(f"Maps and differences: {report_file}")


def quantise(
    options: Options, checkpoint: Checkpoint, scenes: Sequence[Scene], output: Path
) -> dict[str, Any]:
    """Writes a program that is quantised after training on the scenes and crops of them.

    Returns:
        The count, seed and hash of what it was calibrated on.
    """
    from quantize.calibration import calibration_set
    from quantize.program import save_program
    from quantize.ptq import post_training_quantize

    size = options.size or checkpoint.preprocessing.size
    photos = calibration_set([scene.photo for scene in scenes], options.count, size)
    program = post_training_quantize(checkpoint, photos, source_sha256=sha256(options.model))
    save_program(output, program, overwrite=True)
    return program.info.calibration


def timed(
    comparison: Comparison, files: Sequence[Path], repetitions: int, size: int
) -> tuple[Comparison, Protocol]:
    """Adds latencies, and says how they were taken.

    Args:
        comparison: without latencies.
        files: of its rows, in order.
        repetitions: timed runs of each.
        size: the networks' input height and width in pixels.
    """
    photo = resize_photo(comparison.scenes[0].photo, (size, size))
    with pinned(THREADS) as cores:
        runs = {
            path.name: functools.partial(load_runner(path, THREADS, size)[0], photo)
            for path in files
        }
        latencies, running = measure(runs, repetitions=repetitions)
    used = Protocol(THREADS, repetitions, WARM_UP, cores, round(running, 3))
    rows = tuple(
        dataclasses.replace(row, latency=latencies[path.name])
        for row, path in zip(comparison.rows, files, strict=True)
    )
    return dataclasses.replace(comparison, rows=rows), used


def credits() -> str:
    """Where the embedded photos come from."""
    from samnet.data.embedded import POLYGONS

    outlines = json.loads(POLYGONS.read_text(encoding="utf-8"))
    photos = "; ".join(f"{name}, {outline['licence']}" for name, outline in outlines.items())
    return f"Photos from scikit-image: {photos}. Masks drawn for this project."


if __name__ == "__main__":
    run_command(Options, main, "Shipped weights to int8 artefacts, and what that changes.")
