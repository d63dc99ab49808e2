"""What the rows of ``samnet convert all`` share, and how each of them is made."""

from __future__ import annotations

import dataclasses
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import InputError, SamnetError
from convert.all.options import Options
from convert.all.result_rows import Row
from convert.artifact.write import Converted, embedded, write_artifact
from convert.checks.context import Trial
from convert.contract.engine import format_of
from convert.contract.forms import CONVERTERS, FORMS, Form
from convert.contract.source import Source, kind_of_source, open_source

if TYPE_CHECKING:
    from common.images.photos import Bytes
    from quantize.calibration import CalibrationSet


@dataclasses.dataclass(frozen=True)
class Task:
    """A form of a model, and the file it becomes."""

    model: Path
    form: Form
    path: Path


@dataclasses.dataclass(frozen=True)
class Step:
    """A row to come.

    Args:
        where: its place among all, as ``[3/11]``.
        task: what is made; where the row is a program's, the first task that needs it.
        row: its empty row.
        needs: number of the step that makes its program; None where there is none to wait for.
    """

    where: str
    task: Task
    row: Row
    needs: int | None = None

    @property
    def makes_program(self) -> bool:
        """Whether the row is a program's, which others are made from."""
        return self.row.form is None

    def without_program(self) -> Row:
        """Return the row of a step whose program was not made."""
        return dataclasses.replace(self.row, failure="its program was not made")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a step.

    Args:
        row: with the file, or why there is none.
        said: what was printed on the way, where that has not been seen yet.
        trace: of an error that nobody expected.
    """

    row: Row
    said: str = ""
    trace: str = ""


def announce(step: Step) -> None:
    """Print that a step is at its turn."""
    print(f"{step.where} {step.row.file} …", flush=True)


def tell(step: Step, outcome: Outcome) -> Row:
    """Print what came of a step; return its row."""
    row = outcome.row
    print(outcome.said, end="", flush=True)
    print(outcome.trace, end="", file=sys.stderr, flush=True)
    came = f"failed ({row.failure})" if row.failure else f"{row.megabytes:.2f} MB"
    print(f"{step.where} {row.file}: {came}, {row.seconds:.0f} s", flush=True)
    return row


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

    def steps(self, tasks: Sequence[Task]) -> list[Step]:
        """List the rows to make, and before its first use each program that they need."""
        found: list[Step] = []
        programs: dict[tuple[Path, str], int] = {}
        for number, task in enumerate(tasks, 1):
            where, source, needs = f"[{number}/{len(tasks)}]", self._sources[task.model], None
            if task.form.start == "program" and not source.is_program:
                key = (task.model, task.form.scheme)
                if key not in programs:
                    programs[key] = len(found)
                    found.append(Step(where, task, Row(self._program(task).name, None, 0)))
                needs = programs[key]
            found.append(Step(where, task, Row(task.path.name, task.form, 0), needs))
        return found

    def make(self, step: Step) -> Outcome:
        """Make a row, or say in its empty one why it could not be made, and how long that took."""
        began = time.monotonic()
        trace = ""
        try:
            if step.makes_program:
                row = self._quantize(step.task)
            else:
                needed = step.needs is not None
                given = self._program(step.task) if needed else self._sources[step.task.model]
                row = self._convert(step.task, given)
        except SamnetError as error:
            row = dataclasses.replace(step.row, failure=str(error))
        except Exception as error:  # converters raise whatever they stumble over
            trace = traceback.format_exc()
            reason = (str(error).strip() or "-").splitlines()[0][:300]
            row = dataclasses.replace(step.row, failure=f"{type(error).__name__}: {reason}")
        return Outcome(dataclasses.replace(row, seconds=time.monotonic() - began), trace=trace)

    def rows(self, tasks: Sequence[Task]) -> Iterator[Row]:
        """Make the rows of tasks one by one, in the order of :meth:`steps`, and tell of each."""
        steps = self.steps(tasks)
        rows: list[Row] = []
        for step in steps:
            if step.needs is not None and rows[step.needs].failure:
                rows.append(step.without_program())
            else:
                announce(step)
                rows.append(tell(step, self.make(step)))
            yield rows[-1]

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

    def _program(self, task: Task) -> Path:
        """Name the program that a task's file is made from."""
        return self._name(self._sources[task.model], f"{task.form.precision}.pt2")

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
        path = self._program(task)
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
