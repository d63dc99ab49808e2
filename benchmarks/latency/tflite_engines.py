"""The two engines that write ``.tflite`` files, side by side on whole networks.

``samnet bench engines MODEL… [--size 192 336] [--data NAME=DIR]``

Every checkpoint is converted by litert-torch and by onnx2tf, in fp32 and int8. All files of a
network are compared with the same float network in torch, on the same photos; a form that cannot
be made is a row that says why. Files that are there already are used again, so that latency can be
measured later, when the machine is quiet: with ``--repetitions``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from benchmarks.docs.convert_page import engines_table
from benchmarks.latency import table as latency_table
from benchmarks.latency.case import LatencyCase
from benchmarks.results.schema import Environment
from benchmarks.results.speed_kinds import EngineFile, EngineProtocol
from benchmarks.shared.timing import WARM_UP, pinned
from common.arguments import CACHE, CALIBRATION, MODEL, SIZES
from common.command import Command
from common.decode import decode
from common.errors import InputError
from common.images.photos import resize_photo
from common.output_paths import check_absent
from edge_apps.manifest import Precision

if TYPE_CHECKING:
    from convert.all.work import Task, Work
    from convert.contract.source import Source
    from samnet.data.layouts import DataSet
    from samnet.evaluation.predictor import Predictor

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
SUFFIX = ".tflite"


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench engines``."""

    models: Annotated[tuple[Path, ...], MODEL]
    """Checkpoints (.safetensors)."""
    sizes: Annotated[tuple[int, ...], SIZES] = ()
    """Heights and widths in pixels; a model's own by default."""
    calibration: Annotated[tuple[Path, ...], CALIBRATION] = ()
    """Photos or folders to calibrate both engines on; the embedded ones by default."""
    count: int = 128
    """Photos and crops that are observed."""
    data: str | None = None
    """Photos with masks, NAME=DIR, for max F and MAE."""
    repetitions: int = 0
    """Timed runs of each file; none by default, since a time needs a machine without other work."""
    folder: Annotated[Path, CACHE] = Path("runs/tflite_engines")
    """Folder where converted files are kept; delete it after changing a converter."""
    json: Path | None = None
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def main(options: Options) -> None:
    """Convert what is missing, measure everything and print a table.

    Raises:
        InputError: for wrong input, and if nothing could be converted.
    """
    from benchmarks.latency.interleaved import latency_row, time_interleaved
    from common.result_file import environment, write_result
    from edge_apps.manifest import hashes
    from samnet.data.embedded import embedded_photos
    from samnet.data.survey import open_data

    _check(options)
    data = open_data(options.data) if options.data else None
    files = [row for model in options.models for row in _files(options, model, data)]
    protocol = {"text": _protocol(data), "repetitions": options.repetitions, "latency": ""}
    able = [row for row in files if not row["failure"] and row["engine"] != "torch"]
    if options.repetitions and able:
        processes = [_latency_case(options.folder, row) for row in able]
        timed = time_interleaved(
            processes, embedded_photos()[0].photo, repetitions=options.repetitions
        )
        times = [latency_row(it) for it in timed]
        for row, time in zip(able, timed, strict=True):
            row["latency_ms"], row["failure"] = time.figures.get("latency_ms"), time.failure
        protocol["latency"] = latency_table.protocol((1,), options.repetitions, WARM_UP, times)
    machine = environment(1)
    result = {"environment": machine, "protocol": protocol, "files": files}
    if options.json:
        measured = hashes(*options.models)
        write_result(
            options.json, "tflite_engines", result, measured=measured, overwrite=options.overwrite
        )
    rows = [decode(EngineFile, row) for row in files]
    table = engines_table(
        rows, decode(EngineProtocol, protocol), decode(Environment, machine).machine
    )
    table.print()
    print("\n".join(table.notes))
    if not able:
        raise InputError("no file could be made; the lines above say why")


def _check(options: Options) -> None:
    """Refuse what could only fail after minutes of converting."""
    from convert.contract.source import open_source

    if not options.models:
        raise InputError("no model given; name checkpoints to convert")
    names = [model.stem for model in options.models]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"two models are called {repeated}, and so would be their files")
    if options.repetitions < 0:
        raise InputError(f"{options.repetitions} repetitions; use 0 for none, or more")
    if options.json:
        check_absent(options.json, overwrite=options.overwrite)
    for model in options.models:
        if model.suffix != ".safetensors":
            raise InputError(f"{model}: expected a checkpoint (.safetensors), which both convert")
        for size in options.sizes or (None,):
            open_source(model, size)
    with pinned(1):
        pass


def _files(options: Options, model: Path, data: DataSet | None) -> Iterator[dict[str, Any]]:
    """Build a row for the checkpoint itself at each size, then one for each file made of it."""
    from convert.all.options import Options as ConversionOptions
    from convert.all.work import Work
    from convert.checks.suite import whole_photos
    from convert.contract.source import open_source

    for size in options.sizes or (None,):
        source = open_source(model, size)
        work = Work(
            ConversionOptions(
                models=(model,),
                output=options.folder,
                calibration=options.calibration,
                count=options.count,
                size=size,
                suffixes=(SUFFIX,),
                precisions=PRECISIONS,
                overwrite=True,
            )
        )
        tasks = list(work.tasks())
        missing = [task for task in tasks if not _current(task.path, source, work)]
        made = list(work.rows(missing))
        yield {
            **_named(source, "fp32", "torch", model.name),
            "megabytes": round(model.stat().st_size / 1e6, 3),
            "accuracy": _accuracy(whole_photos(source), data),
        }
        for task in tasks:
            # The row of a program that was not made has the reason, that of its file has none.
            wanted = (task.form, None if task.form.start == "program" else task.form)
            failure = next((it.failure for it in made if it.form in wanted and it.failure), "")
            yield _row(task, source, data, failure)


def _current(path: Path, source: Source, work: Work) -> bool:
    """Tell whether a file was made from this checkpoint, by these versions, with these photos."""
    from benchmarks.latency.artifact_cache import is_current
    from edge_apps.manifest import read_manifest

    if not is_current(path, source.path):
        return False
    found = read_manifest(path).quantization
    return found is None or found.calibration_sha256 == work.calibration(source.size)[0].sha256


def _row(task: Task, source: Source, data: DataSet | None, failure: str) -> dict[str, Any]:
    """Describe what is known of a file, as plain JSON values."""
    row = _named(source, task.form.precision, task.form.engine, task.path.name)
    if failure:
        return {**row, "failure": failure}
    from convert.artifact.write import embedded
    from convert.checks.maps import compare
    from edge_apps.runtime import load

    segmenter = load(task.path, threads=1)
    assert segmenter.manifest is not None
    side = (source.size, source.size)
    photos = ((name, resize_photo(photo, side)) for name, photo in embedded())
    parity = compare(segmenter.run, source.reference, source.reference_name, photos)
    took = segmenter.manifest.delegation
    return {
        **row,
        "megabytes": round(task.path.stat().st_size / 1e6, 3),
        "parity": parity.figures(),
        "delegation": {
            "inside": took.inside,
            "outside": took.outside,
            "pieces": took.partitions,
            "share": took.share,
        },
        "accuracy": _accuracy(segmenter, data),
    }


def _named(source: Source, precision: str, engine: str, file: str) -> dict[str, Any]:
    """Begin a row; figures are added to it, and a time where one is measured."""
    return {
        "network": source.path.stem,
        "size": source.size,
        "precision": precision,
        "engine": engine,
        "file": file,
        "failure": "",
        "megabytes": None,
        "parity": None,
        "delegation": None,
        "accuracy": None,
        "latency_ms": None,
    }


def _accuracy(predict: Predictor, data: DataSet | None) -> dict[str, Any] | None:
    """Score maps on photos with masks; None where there are none."""
    if data is None:
        return None
    from common.progress import progress
    from samnet.evaluate import evaluate, predicted_maps

    pairs = progress(data.pairs, len(data.pairs), data.name)
    scores = evaluate(pairs, predicted_maps(predict, None, overwrite=False), "fast")
    found = {"max_F": round(scores.max_F, 6), "MAE": round(scores.MAE, 6)}
    return {"data": data.name, "count": scores.count, **found}


def _latency_case(folder: Path, row: dict[str, Any]) -> LatencyCase:
    file = str(folder / row["file"])
    return LatencyCase(row["network"], "litert", row["precision"], file, None, 1)


def _protocol(data: DataSet | None) -> str:
    from convert.artifact.write import embedded

    text = (
        f"Maps of {len(embedded())} embedded photos against those of the float network in torch "
        "at the same size, in steps of 1/255. Both engines calibrated on the same photos. In and "
        "out: operations that XNNPACK executes, and those it leaves to the interpreter"
    )
    if data is None:
        return f"{text}."
    return f"{text}. Max F and MAE on {len(data.pairs)} photos of {data.name}."


COMMAND = Command.of(Options, main, "Compares the engines that write .tflite files.")

if __name__ == "__main__":
    COMMAND.run()
