"""``samnet evaluate --data NAME=DIR --model FILE --json OUT``: metrics on data sets.

Started by ``torchrun -m`` or ``accelerate launch -m``, the processes share the photos.
"""

from __future__ import annotations

import contextlib
import dataclasses
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

from common.arguments import MODEL, REPEATED
from common.command import Command
from common.errors import InputError
from common.files import replacing
from common.images.photos import Bytes, read_map, read_photo, write_image
from common.progress import progress
from common.result_file import write_result
from edge_apps.manifest import hashes
from edge_apps.maps.refinement import refinement_of
from samnet.data.layouts import DataSet, Pair
from samnet.data.survey import open_data, size_fault
from samnet.evaluation.map_folder import find_maps
from samnet.evaluation.metrics import METRICS, PROTOCOL, Choice, SaliencyMetrics, Scores
from samnet.evaluation.multi_process import gather_metrics, share
from samnet.evaluation.predictor import NetworkPredictor, Predictor, load_predictor
from samnet.evaluation.score_row import LastStep, ScoreRow, describe, score_row
from samnet.training.distributed import Processes, join_processes, leave_processes

MapSource = Callable[[Pair], Bytes]
"""Gives the map (H, W) uint8 of a pair, at its photo's size."""

MapsSource = Callable[[Pair], dict[LastStep, Bytes]]
"""Gives the maps of a pair by their last step."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to evaluate."""

    data: Annotated[tuple[str, ...], REPEATED]
    """Data set as NAME=DIR, NAME=PHOTOS:MASKS or NAME=LIST; may be repeated."""

    json: Path
    """Result file to write."""

    model: Annotated[Path | None, MODEL] = None
    """A checkpoint (.safetensors) or an artifact (.tflite, .pte)."""

    maps: Path | None = None
    """Folder of ready maps in place of a model: STEM.png, or NAME/STEM.png for several sets."""

    save_maps: Path | None = None
    """Folder to keep the model's maps in, as NAME/STEM.png, refined ones in NAME-refined."""

    metrics: Choice = "all"
    """Metrics to compute; fast leaves out weighted F, S and E, which take most of the time."""

    limit: int | None = None
    """Use the first so many pairs of each set."""

    size: int | None = None
    """Pixels at which a checkpoint runs; its own by default."""

    flip: bool = False
    """Average with the map of the mirror image, at twice the time."""

    threads: int | None = None
    """Threads that the network may use."""

    refine: bool = True
    """Measure a model's maps refined as well, beside the plain ones."""

    overwrite: bool = False
    """Replace files that exist."""


def evaluate(pairs: Iterable[Pair], source: MapSource, choice: Choice = "all") -> Scores:
    """Compare the maps of pairs with their masks.

    Raises:
        InputError: if a file cannot be read, sizes differ, or there is no pair.
    """
    return measure(pairs, source, choice).scores()


def measure(pairs: Iterable[Pair], source: MapSource, choice: Choice) -> SaliencyMetrics:
    """Collect the metrics of pairs.

    Raises:
        InputError: if a file cannot be read or sizes differ.
    """
    return measure_steps(pairs, _given(source), choice)["given"]


def measure_steps(
    pairs: Iterable[Pair],
    source: MapsSource,
    choice: Choice,
    steps: Sequence[LastStep] = ("given",),
) -> dict[LastStep, SaliencyMetrics]:
    """Collect the metrics of pairs for each of the last steps that a source takes.

    Raises:
        InputError: if a file cannot be read or sizes differ.
    """
    metrics = {step: SaliencyMetrics(choice) for step in steps}
    for pair in pairs:
        maps, mask = source(pair), read_map(pair.mask)
        for step in steps:
            saliency_map = maps[step]
            if fault := size_fault(pair, saliency_map.shape[::-1], mask.shape[::-1]):
                raise InputError(fault)
            metrics[step].add(saliency_map, mask)
    return metrics


def predicted_maps(predict: Predictor, keep: Path | None, *, overwrite: bool) -> MapSource:
    """Yield maps that a model makes; written to the folder ``keep`` as STEM.png, if given."""

    def source(pair: Pair) -> Bytes:
        saliency_map = predict(read_photo(pair.photo))
        if keep is not None:
            write_image(keep / f"{pair.stem}.png", saliency_map, overwrite=overwrite)
        return saliency_map

    return source


def model_maps(
    predict: NetworkPredictor,
    steps: Sequence[LastStep],
    keep: dict[LastStep, Path],
    *,
    overwrite: bool,
) -> MapsSource:
    """Yield maps that a model makes with one or more last steps; kept in the folders ``keep``."""
    refinements = [refinement_of(step == "refined") for step in steps]

    def source(pair: Pair) -> dict[LastStep, Bytes]:
        maps = dict(zip(steps, predict.maps(read_photo(pair.photo), refinements), strict=True))
        for step, folder in keep.items():
            write_image(folder / f"{pair.stem}.png", maps[step], overwrite=overwrite)
        return maps

    return source


def ready_maps(folder: Path, data: DataSet) -> MapSource:
    """Read maps that stand in a folder as STEM.png, or in its subfolder NAME.

    Raises:
        InputError: if a map is missing, and as :func:`samnet.evaluation.map_folder.find_maps`.
    """
    maps = find_maps(folder, data)
    if maps.missing:
        raise InputError(
            f"{folder / maps.missing[0]}.png: no such map; {len(maps.missing)} of the "
            f"{len(data.pairs)} maps for {data.name} are missing"
        )
    return maps.read


Row = tuple[DataSet, dict[LastStep, Scores]]


def table(rows: Sequence[Row]) -> str:
    """Format the scores as aligned text, a line a data set and last step, the protocol below."""
    head = f"{'data set':<12} {'last step':<9} {'photos':>6}"
    lines = [head + "".join(f"{it.title:>12}" for it in METRICS.values())]
    for data, found in rows:
        for step, scores in found.items():
            values = scores.values.values()
            cells = ("-" if value is None else format(value, ".4f") for value in values)
            shown = "".join(f"{cell:>12}" for cell in cells)
            lines.append(f"{data.name:<12} {step:<9} {scores.count:>6}{shown}")
    for data, found in rows:
        count = next(iter(found.values())).count
        if data.published_count not in (None, count):
            lines.append(f"{data.name}: {count} of its {data.published_count} photos.")
    return "\n".join([*lines, *textwrap.wrap(PROTOCOL, 100)])


def main(options: Options) -> None:
    """Evaluate, print the table and write the result file.

    Raises:
        InputError: for wrong input; no result file is written then.
    """
    if (options.model is None) == (options.maps is None):
        raise InputError("expected either --model FILE or --maps DIR")
    if options.flip and options.model is None:
        raise InputError("--flip runs a model on mirror images; give --model FILE")
    if options.limit is not None and options.limit < 1:
        raise InputError(f"--limit is {options.limit}, expected at least 1")
    sets = [open_data(spec, options.limit) for spec in options.data]
    names = [data.name for data in sets]
    if not sets or len(set(names)) < len(names):
        raise InputError(f"data sets {names}; expected at least one --data, each of its own name")
    processes = join_processes()
    try:
        evaluate_sets(options, sets, processes)
    finally:
        leave_processes()


def evaluate_sets(options: Options, sets: Sequence[DataSet], processes: Processes) -> None:
    """Evaluate this process's share; the first one writes the result file and prints.

    Raises:
        InputError: for wrong input; no result file is written then.
    """
    rows: list[Row] = []
    steps = _steps(options)
    with contextlib.ExitStack() as stack:
        if processes.first:
            # The result file is claimed first, so that a long evaluation cannot fail at its end.
            claim = replacing(options.json, overwrite=options.overwrite)
            temporary = stack.enter_context(claim)
        sources = _sources(options, sets)
        for data, source in zip(sets, sources, strict=True):
            pairs = share(data.pairs, processes)
            shown = progress(pairs, len(pairs), data.name) if processes.first else pairs
            metrics = measure_steps(shown, source, options.metrics, steps)
            for part in metrics.values():
                gather_metrics(part, processes)
            rows.append((data, {step: part.scores() for step, part in metrics.items()}))
        if not processes.first:
            return
        result = {
            "protocol": PROTOCOL,
            "rows": [it.to_dict() for row in rows for it in _score_rows(options, *row)],
            "flip": options.flip,
            "limit": options.limit,
            "metrics": options.metrics,
            "processes": processes.count,
        }
        measured = hashes(options.model) if options.model else {}
        write_result(
            temporary,
            "accuracy",
            result,
            measured=measured,
            threads=options.threads,
            overwrite=True,
        )
    print(table(rows))


def _steps(options: Options) -> tuple[LastStep, ...]:
    if options.model is None:
        return ("given",)
    return ("plain", "refined") if options.refine else ("plain",)


def _score_rows(options: Options, data: DataSet, found: dict[LastStep, Scores]) -> list[ScoreRow]:
    path = options.model or options.maps
    assert path is not None
    about = describe(path)
    return [
        score_row(
            scores,
            name=f"{path.name}, refined" if step == "refined" else path.name,
            file=path.name,
            origin=about.origin,
            sha256=about.sha256,
            source_sha256=about.source_sha256,
            size=options.size or about.size,
            last_step=step,
            data=data.name,
            published_count=data.published_count,
            of=len(data.pairs),
        )
        for step, scores in found.items()
    ]


def _sources(options: Options, sets: Sequence[DataSet]) -> list[MapsSource]:
    if options.model is None:
        assert options.maps is not None
        return [_given(ready_maps(options.maps, data)) for data in sets]
    predict = load_predictor(options.model, options.threads, options.size, flip=options.flip)
    found = []
    for data in sets:
        keep: dict[LastStep, Path] = {}
        if options.save_maps is not None:
            ends = {"plain": "", "refined": "-refined"}
            keep = {s: options.save_maps / f"{data.name}{ends[s]}" for s in _steps(options)}
        found.append(model_maps(predict, _steps(options), keep, overwrite=options.overwrite))
    return found


def _given(source: MapSource) -> MapsSource:
    return lambda pair: {"given": source(pair)}


COMMAND = Command.of(Options, main, "Measures saliency maps against masks.")

if __name__ == "__main__":
    COMMAND.run()
