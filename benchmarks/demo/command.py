"""``samnet bench demo``: shipped weights to int8 artifacts, and what that changes.

Quantizes the shipped network on the embedded photos, converts it to every format in both
precisions, runs all of them on the photos and reports size, latency, accuracy and agreement.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from benchmarks.demo.comparison import Comparison, Scene, compare, table
from benchmarks.demo.report import Report, write_report
from benchmarks.demo.steps import Steps
from benchmarks.latency.forms import FORMS, SECONDS, candidates
from benchmarks.shared.timing import WARM_UP, Protocol, load_runner, measure, pinned
from common.arguments import MODEL
from common.command import Command
from common.errors import InputError
from common.files import sha256
from common.images.photos import resize_photo

if TYPE_CHECKING:
    from samnet.checkpoints.checkpoint import Checkpoint

WEIGHTS = Path(__file__).resolve().parents[2] / "samnet" / "weights" / "samnet-lite.safetensors"

THREADS = 1
"""Of every timed network: what all runtimes can be held to."""


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench demo``."""

    model: Annotated[Path, MODEL] = WEIGHTS
    """The float checkpoint to start from; by default the shipped one."""
    output: Path = Path("runs/demo")
    """Folder for the artifacts, the report and the result file."""
    size: int | None = None
    """Input height and width in pixels; the checkpoint's own if not given."""
    count: int = 64
    """Photos and crops of them to calibrate on."""
    repetitions: int = 25
    """Timed runs of each form."""
    overwrite: bool = False
    """Replace what an earlier run left in the folder."""


def main(options: Options) -> None:
    """Make the artifacts, compare them and report.

    Raises:
        InputError: if the checkpoint cannot be used, or files stand in the way.
    """
    from common.result_file import environment, write_result
    from convert.artifact.write import write_artifact
    from convert.contract.engine import format_of
    from edge_apps.manifest import hashes
    from samnet.checkpoints.checkpoint import load_checkpoint
    from samnet.data.embedded import embedded_photos
    from samnet.evaluation.metrics import PROTOCOL
    from samnet.networks.deployed import deployed_size

    checkpoint = load_checkpoint(options.model)
    size = deployed_size(options.size, checkpoint.preprocessing)
    artifacts = [form.path(options.output, options.model.stem, size) for form in FORMS]
    report_file, result_file = options.output / "report.html", options.output / "result.json"
    program = options.output / f"{options.model.stem}_{size}_int8.pt2"
    for file in (report_file, result_file, program, *artifacts):
        if file.exists() and not options.overwrite:
            raise InputError(f"{file}: already exists; pass --overwrite or another --output")
    scenes = [Scene(*photo) for photo in embedded_photos()]
    steps = Steps(len(FORMS) + 3, options.output / "demo.log")

    with steps.step(f"Quantize on {options.count} photos and crops", usually=105):
        calibration = quantize(options, checkpoint, scenes, program)
    for form, path in zip(FORMS, artifacts, strict=True):
        with steps.step(
            f"Convert to {form.label}, {form.suffix}", usually=SECONDS[form.suffix, form.precision]
        ):
            source = options.model if form.start == "checkpoint" else program
            write_artifact(format_of(form.suffix), source, path, size=size, overwrite=True)
    with steps.step(f"Run every form on {len(scenes)} photos", usually=2):
        comparison = compare(candidates(options.model, artifacts, size), scenes)
    with steps.step("Time every form, in turn", usually=2):
        comparison, used = timed(comparison, [options.model, *artifacts], options.repetitions, size)

    report = Report(
        title="int8 beside fp32",
        summary=(
            f"{options.model.stem} at {size} × {size} pixels: quantized after training on "
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
            photo_credits(),
        ),
        environment=environment(THREADS),
    )
    write_report(report_file, report)
    result = {
        "model": options.model.name,
        "size": size,
        "calibration": calibration,
        "photos": [scene.name for scene in scenes],
        "steps": [dataclasses.asdict(step) for step in steps.done],
        "latency_protocol": used.describe(),
        "protocol": PROTOCOL,
        "rows": [row.to_dict() for row in comparison.rows],
        "environment": report.environment,
    }
    write_result(result_file, "demo", result, measured=hashes(options.model), overwrite=True)
    print(table(comparison.rows))
    for note in (used.describe(), PROTOCOL):
        print(textwrap.fill(note, 100))
    print(f"Maps and differences: {report_file}")


def quantize(
    options: Options, checkpoint: Checkpoint, scenes: Sequence[Scene], output: Path
) -> dict[str, Any]:
    """Write a program that is quantized after training on the scenes and crops of them.

    Returns:
        The count, seed and hash of what it was calibrated on.
    """
    from quantize.calibration import calibration_set
    from quantize.ptq import post_training_quantize
    from quantize.quantized_program import save_program
    from samnet.networks.deployed import deployed_size

    size = deployed_size(options.size, checkpoint.preprocessing)
    photos = calibration_set([scene.photo for scene in scenes], options.count, size)
    program = post_training_quantize(checkpoint, photos, source_sha256=sha256(options.model))
    save_program(output, program, overwrite=True)
    return program.info.calibration


def timed(
    comparison: Comparison, files: Sequence[Path], repetitions: int, size: int
) -> tuple[Comparison, Protocol]:
    """Add latencies, and say how they were taken.

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


def photo_credits() -> str:
    """Say where the embedded photos come from."""
    from samnet.data.embedded import POLYGONS

    outlines = json.loads(POLYGONS.read_text(encoding="utf-8"))
    photos = "; ".join(f"{name}, {outline['license']}" for name, outline in outlines.items())
    return f"Photos from scikit-image: {photos}. Masks drawn for this project."


COMMAND = Command.of(Options, main, "Shipped weights to int8 artifacts, and what that changes.")
