"""Converts networks to every form there is: ``samnet convert all MODEL…``.

Calibration is done once, each recipe's program is made once, and forms of one checkpoint share
what an engine makes on the way. A form that fails becomes a row; the others go on.
"""

from __future__ import annotations

import dataclasses
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from common.arguments import CALIBRATION, ENGINES, MODEL, PRECISIONS, SUFFIXES
from common.command import Command
from common.errors import InputError, SamnetError
from convert.all.result_rows import Row, table
from convert.artifact.write import Converted, embedded, write_artifact
from convert.checks.context import Trial
from convert.contract.engine import format_of
from convert.contract.forms import CONVERTERS, FORMS, Engine, Form
from convert.contract.source import Source, kind_of_source, open_source
from edge_apps.manifest import Precision, manifest_path

if TYPE_CHECKING:
    from common.images.photos import Bytes
    from quantize.calibration import CalibrationSet


@dataclasses.dataclass
class Options:
    """Options of ``samnet convert all``."""

    models: Annotated[tuple[Path, ...], MODEL]
    """Checkpoints (.safetensors), which are quantized on the way, and programs (.pt2)."""
    output: Path = Path("runs/artifacts")
    """Folder for NAME_SIZE_PRECISION.EXT, their manifests and the programs."""
    calibration: Annotated[tuple[Path, ...], CALIBRATION] = ()
    """Photos or folders to calibrate on; the embedded ones and crops of them by default."""
    count: int = 128
    """Photos and crops that are observed."""
    size: int | None = None
    """Height and width in pixels; a model's own by default."""
    output_stride: int | None = None
    """Stride of the map that comes out; a model's own by default."""
    suffixes: Annotated[tuple[str, ...], SUFFIXES] = ()
    """Formats to write, such as .tflite .pte; all by default."""
    precisions: Annotated[tuple[Precision, ...], PRECISIONS] = ()
    """Precisions to write; all by default."""
    engines: Annotated[tuple[Engine, ...], ENGINES] = ()
    """Engines to use; all by default."""
    data: str | None = None
    """Photos with masks, NAME=DIR, on which no artifact may fall behind its checkpoint."""
    json: Path | None = None
    """Result file to write."""
    allow_loss: bool = False
    """Write programs even if they lost the float network's map."""
    overwrite: bool = False
    """Replace existing files."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One row to come: a form of a model, and the file it becomes."""

    model: Path
    form: Form
    path: Path


def main(options: Options) -> None:
    """Convert everything, print the table, and end with status 1 if a row failed.

    Raises:
        InputError: for wrong input, before anything is converted.
    """
    from common.result_file import environment, write_json

    began = time.monotonic()
    work = Work(options)
    tasks = list(work.tasks())
    if not tasks:
        raise InputError("no form fits these models and options; leave some of the options out")
    taken = [t.path for t in tasks if t.path.exists() or manifest_path(t.path).exists()]
    taken += [options.json] if options.json and options.json.exists() else []
    if taken and not options.overwrite:
        raise InputError(f"{taken[0]}: already exists; pass --overwrite or another --output")
    rows = list(work.rows(tasks))
    print(table(rows))
    print(f"{options.output}: {time.monotonic() - began:.0f} s in all")
    if options.json:
        values = {"environment": environment(), "rows": [row.to_dict() for row in rows]}
        write_json(options.json, values, overwrite=options.overwrite)
    if any(row.failure for row in rows):
        sys.exit(1)


class Work:
    """What rows share: opened checkpoints, the calibration set, programs.

    Args:
        options: of the command.

    Raises:
        InputError: for models that cannot be used and unknown formats.
    """

    def __init__(self, options: Options) -> None:
        if not options.models:
            raise InputError("no model given; name a checkpoint, or programs, to convert")
        unknown = set(options.suffixes) - set(CONVERTERS)
        if unknown:
            raise InputError(f"no format {min(unknown)}; expected some of {', '.join(CONVERTERS)}")
        self.options = options
        self.trial: Trial | None = None
        if options.data is not None:
            from samnet.data.survey import open_data

            self.trial = Trial(open_data(options.data))
        self._sources: dict[Path, Source] = {}
        self._programs: dict[tuple[Path, str], Path | str] = {}
        self._calibration: dict[int, tuple[CalibrationSet, Sequence[Bytes]]] = {}
        for model in options.models:
            kind_of_source(model)
            self._sources[model] = open_source(model, options.size, options.output_stride)

    def tasks(self) -> Iterator[Task]:
        """List the forms to make, in the order of the table.

        Raises:
            InputError: if two models would become one file.
        """
        origins: dict[Path, Path] = {}
        for model, source in self._sources.items():
            for form in FORMS:
                if not self._wanted(form):
                    continue
                if source.is_program and (form.start != "program" or not source.follows(form)):
                    continue
                path = self._name(source, form.ending)
                if origins.setdefault(path, model) != model:
                    raise InputError(
                        f"{origins[path]} and {model} would both become {path}; convert them "
                        "into two folders"
                    )
                yield Task(model, form, path)

    def rows(self, tasks: Sequence[Task]) -> Iterator[Row]:
        """Make the forms one by one, and before its first use each program that they need."""
        for number, task in enumerate(tasks, 1):
            source = self._sources[task.model]
            where = f"[{number}/{len(tasks)}]"
            given: Source | Path = source
            if task.form.start == "program" and not source.is_program:
                key = (task.model, task.form.scheme)
                if key not in self._programs:
                    name = self._name(source, f"{task.form.precision}.pt2").name
                    row = _timed(where, Row(name, None, 0), partial(self._quantize, task))
                    self._programs[key] = row.failure or self.options.output / row.file
                    yield row
                program = self._programs[key]
                if isinstance(program, str):
                    yield Row(task.path.name, task.form, 0, failure="its program was not made")
                    continue
                given = program
            empty = Row(task.path.name, task.form, 0)
            yield _timed(where, empty, partial(self._convert, task, given))

    def _wanted(self, form: Form) -> bool:
        options = self.options
        return (
            form.suffix in (options.suffixes or CONVERTERS)
            and form.precision in (options.precisions or (form.precision,))
            and form.engine in (options.engines or (form.engine,))
        )

    def _name(self, source: Source, ending: str) -> Path:
        stem = source.path.stem
        if source.is_program:
            stem = stem.removesuffix(f"_{source.size}_{source.precision}")
        return self.options.output / f"{stem}_{source.size}_{ending}"

    def calibration(self, size: int) -> tuple[CalibrationSet, Sequence[Bytes]]:
        """Make the set to calibrate on and photos kept back from it, once for each size."""
        if size not in self._calibration:
            from quantize.calibration import calibration_set, read_and_keep_back

            options = self.options
            photos = [photo for _, photo in embedded()]
            kept_back: Sequence[Bytes] = ()
            if options.calibration:
                photos, kept_back = read_and_keep_back(options.calibration, options.count, size)
            found = calibration_set(photos, options.count, size)
            if not options.allow_loss:
                found.check_colors(", or pass --allow-loss")
            self._calibration[size] = found, kept_back
        return self._calibration[size]

    def _quantize(self, task: Task) -> Row:
        from common.files import sha256
        from quantize.ptq import post_training_quantize, save_verified
        from quantize.recipes import RECIPES
        from quantize.verification import verify
        from samnet.checkpoints.checkpoint import load_checkpoint
        from samnet.evaluation.predictor import load_predictor

        options, source = self.options, self._sources[task.model]
        path = self._name(source, f"{task.form.precision}.pt2")
        calibration, kept_back = self.calibration(source.size)
        program = post_training_quantize(
            load_checkpoint(task.model),
            calibration,
            recipe=next(r for r in RECIPES.values() if r.name == task.form.scheme),
            stride=source.stride,
            source_sha256=sha256(task.model),
        )
        network = load_predictor(task.model, size=source.size)
        found = verify(program, network, source.size, kept_back)
        for it in found:
            print(f"  {it}", flush=True)
        save_verified(
            path,
            program,
            found,
            calibration,
            allow_loss=options.allow_loss,
            overwrite=options.overwrite,
        )
        return Row(path.name, None, 0, path.stat().st_size / 1e6)

    def _convert(self, task: Task, given: Source | Path) -> Row:
        source, form = self._sources[task.model], task.form
        trial = self.trial
        if trial and isinstance(given, Path):
            trial = dataclasses.replace(trial, origin=task.model)
        calibrates = form.start == "checkpoint and photos"
        # Converters change the programs that they are given, so each form reads its own.
        if isinstance(given, Source) and given.is_program:
            given = given.path
        done: Converted = write_artifact(
            format_of(form.suffix),
            given,
            task.path,
            precision=form.precision,
            engine=form.engine,
            calibration=list(self.calibration(source.size)[0].photos) if calibrates else (),
            trial=trial,
            overwrite=self.options.overwrite,
        )
        return Row(task.path.name, form, 0, task.path.stat().st_size / 1e6, done)


def _timed(where: str, empty: Row, make: Callable[[], Row]) -> Row:
    """Make a row, or say in the empty one why it could not be made, and how long that took."""
    print(f"{where} {empty.file} …", flush=True)
    began = time.monotonic()
    try:
        row = make()
    except SamnetError as error:
        row = dataclasses.replace(empty, failure=str(error))
    except Exception as error:  # converters raise whatever they stumble over
        traceback.print_exc()
        reason = (str(error).strip() or "-").splitlines()[0][:300]
        row = dataclasses.replace(empty, failure=f"{type(error).__name__}: {reason}")
    row = dataclasses.replace(row, seconds=time.monotonic() - began)
    came = f"failed ({row.failure})" if row.failure else f"{row.megabytes:.2f} MB"
    print(f"{where} {row.file}: {came}, {row.seconds:.0f} s", flush=True)
    return row


COMMAND = Command.of(Options, main, "Converts networks to every form there is.")
