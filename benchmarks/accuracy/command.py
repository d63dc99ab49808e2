"""``samnet bench accuracy MODEL… --data NAME=DIR --json OUT``: accuracy of anything.

Checkpoints, artifacts, ONNX files of others and folders of maps in one table, beside the published
methods; int8 against the float network that it was made from, photo by photo. Started by
``torchrun -m`` or ``accelerate launch -m``, the processes share the photos.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from benchmarks.accuracy import output_files, runner
from benchmarks.accuracy.models import AccuracyModel, find_accuracy_models, with_refined
from benchmarks.accuracy.output_files import Outcome, change_table, heading
from benchmarks.accuracy.paired import BOOTSTRAP
from benchmarks.accuracy.photo_records import RecordCache, code_hash
from benchmarks.accuracy.runner import Entry, Result, map_source
from benchmarks.accuracy.score_table import PUBLISHED, Line, measured_cell, published_lines, table
from benchmarks.accuracy.worst_photos import worst_sheet
from benchmarks.peers.fetch import FOLDER
from benchmarks.results.published import ALL, choose_published
from common.arguments import MODEL, REPEATED
from common.command import Command
from common.errors import InputError
from common.images.photo_files import listed
from common.output_paths import check_absent
from common.result_file import environment
from samnet.data.layouts import DataSet
from samnet.data.survey import open_data
from samnet.evaluation.metrics import PROTOCOL, Choice
from samnet.training.distributed import join_processes, leave_processes


@dataclasses.dataclass(frozen=True)
class Options:
    """What to compare."""

    models: Annotated[tuple[str, ...], MODEL]
    """Checkpoints (.safetensors), artifacts (.tflite, .pte, .onnx), ONNX files of others that give
    a map in 0 to 1, and folders of maps (STEM.png, or NAME/STEM.png for several data sets); as
    PATH or NAME=PATH. The networks of others that are fetched go by name, as u2netp."""

    data: Annotated[tuple[str, ...], REPEATED]
    """NAME=DIR; may be repeated. NAME=PHOTOS:MASKS and NAME=LIST work as well."""

    output: Path | None = None
    """Folder for accuracy.md, .tex and .csv, and what int8 changed."""

    json: Path | None = None
    """Result file to write."""

    published: tuple[str, ...] = (ALL,)
    """Methods of the paper's tables to show beside: names, all or none."""

    against: str | None = None
    """Name of the one that all others are compared with, photo by photo. By default each int8
    artifact is compared with the float network behind it, if that takes part."""

    worst: int = 20
    """Photos that lost most by int8 to show in a picture; 0 for none."""

    metrics: Choice = "all"
    """Metrics to compute; fast leaves out weighted F, S and E, which take most of the time."""

    limit: int | None = None
    """Use the first so many pairs of each set."""

    size: int | None = None
    """Pixels at which checkpoints run; their own by default."""

    threads: int | None = None
    """Threads that a network may use."""

    refine: bool = True
    """Measure our networks' maps refined as well, as NAME, refined; the others are plain."""

    cache: Path | None = Path("runs/cache/accuracy")
    """Folder that keeps what was measured on each photo, found again by content."""

    peers: Path = FOLDER
    """Where the networks of others are kept."""

    overwrite: bool = False
    """Replace files that exist."""


def main(options: Options) -> None:
    """Measure, print the tables and write the files.

    Raises:
        InputError: for wrong input; nothing is written then but the cache.
    """
    _check(options)
    methods = choose_published(options.published)
    found = find_accuracy_models(options.models, options.peers)
    accuracy_models = tuple(it for it in found if not it.failure)
    failures = {it.name: it.failure for it in found if it.failure}
    if not accuracy_models:
        raise InputError(f"nothing to measure; {next(iter(failures.values()))}")
    if options.refine:
        accuracy_models = with_refined(accuracy_models)
    partners = runner.chosen_partners(accuracy_models, options.against)
    sets = _data_sets(options)
    names = [data.name for data in sets]
    entries = runner.enter(accuracy_models, sets)
    compared = [(name, low.name) for _, low in partners for name in names]
    targets = output_files.targets(options.output, compared) if options.output else []
    for target in (*targets, *filter(None, [options.json])):
        check_absent(target, overwrite=options.overwrite)
    settings = _settings(options)
    processes = join_processes()
    try:
        results = runner.run(entries, settings, processes)
    finally:
        leave_processes()
    if not processes.first:
        return
    comparisons = runner.compare_partners(partners, results, options.metrics)
    lines = published_lines(methods, names) + _lines(accuracy_models, results)
    lines += [Line(name, "measured", {}) for name in failures]
    notes = [*_warnings(results), *(f"{it}: {why}." for it, why in failures.items()), PROTOCOL]
    protocol = {
        "limit": options.limit,
        "size": options.size,
        "metrics": options.metrics,
        "processes": processes.count,
        "failures": failures,
        "environment": environment(options.threads),
    }
    outcome = Outcome(lines, names, notes, results, comparisons, protocol)
    if options.output:
        for paired in comparisons if options.worst else ():
            both = [_entry(entries, name, paired.data) for name in (paired.reference, paired.name)]
            sources = (map_source(both[0], settings), map_source(both[1], settings))
            sheet = worst_sheet(paired, both[0].data.pairs, sources, options.worst)
            output_files.write_sheet(options.output, paired, sheet)
        output_files.write(options.output, outcome)
    if options.json:
        output_files.write_json(options.json, outcome, overwrite=options.overwrite)
    _show(outcome)
    for target in filter(None, [options.output, options.json]):
        print(f"Written: {target}")


def _check(options: Options) -> None:
    if not options.models:
        raise InputError("no model given; name checkpoints, artifacts, ONNX files or map folders")
    if not options.data:
        raise InputError("no data set given; pass --data NAME=DIR")
    if not (options.output or options.json):
        raise InputError("nothing to write; pass --output FOLDER, --json FILE or both")
    for name, value, least in (("limit", options.limit, 1), ("worst", options.worst, 0)):
        if value is not None and value < least:
            raise InputError(f"--{name} is {value}, expected at least {least}")


def _data_sets(options: Options) -> list[DataSet]:
    sets = [open_data(spec, options.limit) for spec in options.data]
    names = [data.name for data in sets]
    if len(set(names)) < len(names):
        raise InputError(f"data sets {', '.join(names)}; expected each of its own name")
    return sets


def _settings(options: Options) -> runner.Settings:
    # What decides a map beside its network: another processor's kernels round in another way.
    here = environment()
    decides = {key: here[key] for key in ("packages", "cpu", "cpu_features")}
    cache = RecordCache(options.cache, {"code": code_hash(), **decides})
    return runner.Settings(options.metrics, options.size, options.threads, cache)


def _lines(accuracy_models: Sequence[AccuracyModel], results: Sequence[Result]) -> list[Line]:
    lines = []
    for accuracy_model in accuracy_models:
        cells = {
            result.entry.data.name: measured_cell(result.scores, len(result.entry.data.pairs))
            for result in results
            if result.entry.accuracy_model is accuracy_model
        }
        lines.append(Line(accuracy_model.name, "measured", cells))
    return lines


def _warnings(results: Sequence[Result]) -> list[str]:
    """List what a reader of the table has to know of its rows."""
    warnings = []
    for result in results:
        entry = result.entry
        if entry.missing:
            warnings.append(
                f"{entry.accuracy_model.name} has no map of {len(entry.missing)} of the "
                f"{len(entry.data.pairs)} photos of {entry.data.name} ({listed(entry.missing)}): "
                f"its row stands on the other {result.scores.count}."
            )
    for data in {id(r.entry.data): r.entry.data for r in results}.values():
        if data.published_count not in (None, len(data.pairs)):
            warnings.append(f"{data.name}: {len(data.pairs)} of its {data.published_count} photos.")
    return warnings


def _entry(entries: Sequence[Entry], name: str, data: str) -> Entry:
    return next(e for e in entries if (e.accuracy_model.name, e.data.name) == (name, data))


def _show(outcome: Outcome) -> None:
    """Print a table a data set, which is as much as a terminal is wide, and the changes."""
    for name in outcome.sets:
        lines = [line for line in outcome.lines if name in line.cells or not line.cells]
        print(f"\n{name}")
        table(lines, [name]).print()
    for paired in outcome.comparisons:
        print(textwrap.fill(heading(paired), 100, break_on_hyphens=False))
        change_table(paired).print()
    published = [PUBLISHED] if any(line.source == "published" for line in outcome.lines) else []
    bootstrap = [BOOTSTRAP] if outcome.comparisons else []
    for note in (*outcome.notes, *published, *bootstrap):
        print(textwrap.fill(note, 100, break_on_hyphens=False))


COMMAND = Command.of(Options, main, "Accuracy of networks and maps, beside the published methods.")
