"""``samnet report``: what all result files say, as one page and in Markdown.

Everything on the page stands inside it, so it opens offline. Nothing is measured here but the
maps of the embedded photos, which are made anew by what is shipped.
"""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.demo.command import WEIGHTS, photo_credits
from benchmarks.demo.gallery import scenes
from benchmarks.report.pareto import pareto_entries
from benchmarks.report.recommendations import accurate
from benchmarks.report.result_readers import ENGINES, accuracies, file_name, timings
from benchmarks.report.sections import ResultIndex, Section, sections
from benchmarks.results.published import read_published
from benchmarks.results.reader import FOLDER as RESULTS
from benchmarks.results.reader import Results, read_results, stale, stale_lines
from benchmarks.shared import html as page
from benchmarks.shared.html import Change, ratio
from benchmarks.shared.tables import signed
from common.command import Command
from common.errors import InputError
from common.files import replacing
from common.output_paths import check_absent
from common.suggestions import suggestion
from edge_apps.shipped import usable_models
from samnet.evaluation.metrics import PROTOCOL

TITLE = "SAMNet on the edge: what to run where"


@dataclasses.dataclass
class Options:
    """What to report."""

    results: Path = RESULTS
    """Folder of result files."""
    output: Path = Path("runs/report/report.html")
    """The page to write; its Markdown twin stands beside it."""
    data: str = "ECSSD"
    """Data set that the charts and the advice go by."""
    photos: bool = True
    """Show the maps of the embedded photos by what is shipped."""
    overwrite: bool = False
    """Replace an earlier report."""


def gather(results: Results, data: str) -> ResultIndex:
    """Bring together what result files say.

    Raises:
        InputError: if one is not as it should be, or none has scores on the data set.
    """
    times, scores = timings(results), accuracies(results)
    names = sorted({it.row.data for it in scores})
    if data not in names:
        raise InputError(f"no result has scores on {data!r}; {suggestion(data, names)}")
    both = pareto_entries(times, scores, results, data)
    return ResultIndex(results, times, scores, both, data, read_published())


def changes(result_index: ResultIndex) -> list[Change]:
    """Say what int8 changes in the form to run, for the head; empty where it cannot be told."""
    rows = accurate(result_index.pareto_entries, result_index.accuracies, result_index.data)
    low = min((r for r in rows if r.precision == "int8"), key=lambda r: r.median, default=None)
    if low is None:
        return []
    floats = [r for r in rows if r.precision == "fp32" and r.file.network == low.file.network]
    high = max(floats, key=lambda r: r.median, default=None)
    if high is None:
        return []
    found = [
        Change(
            f"Latency, {high.engine} fp32 to {low.engine} int8",
            *(f"{high.median:.1f}", f"{low.median:.1f}", "ms"),
            ratio(high.median, low.median, "faster", "slower"),
        )
    ]
    if high.megabytes and low.megabytes:
        size = (high.megabytes, low.megabytes)
        found.append(Change("File", f"{size[0]:.1f}", f"{size[1]:.1f}", "MB", ratio(*size)))
    for name, before, after in (("max F", high.max_F, low.max_F), ("MAE", high.MAE, low.MAE)):
        change = f"{signed(after - before)} on {result_index.data}"
        found.append(Change(name, f"{before:.3f}", f"{after:.3f}", "", change))
    return found


def lede(result_index: ResultIndex) -> str:
    """Write the one sentence that decides."""
    rows = accurate(result_index.pareto_entries, result_index.accuracies, result_index.data)
    if not rows:
        return f"Accuracy on {result_index.data}, size and latency of every form that was measured."
    fast = min(rows, key=lambda row: row.median)
    return (
        f"Run {fast.file.text} by {fast.engine} unless the first table names another file for your "
        f"device: {fast.median:.1f} ms a photo on one thread of a desktop's CPU, max F "
        f"{fast.max_F:.3f} on {result_index.data}. Figures come from "
        f"{len(result_index.results)} result files."
    )


def markdown(result_index: ResultIndex, parts: Sequence[Section]) -> str:
    """Render the report without its pictures."""
    text = [f"# {TITLE}", lede(result_index)]
    for part in parts:
        if part.tables or part.text:
            text += [f"## {part.title}", *filter(None, [part.text])]
            text += [table.markdown() for table in part.tables]
    text += ["## Protocol", PROTOCOL]
    text.append("\n".join(f"- {name}: {about}" for name, about in measured(result_index.results)))
    return "\n\n".join(text) + "\n"


def measured(results: Results) -> list[tuple[str, str]]:
    """Name the software of most results, then when and where each was measured, with exceptions."""
    software = {
        name: ", ".join(f"{key} {value}" for key, value in result.environment.packages.items())
        for name, result in results.items()
    }
    (usual, _), *_ = Counter(filter(None, software.values())).most_common(1) or [("", 0)]
    found = [("software", usual)] if usual else []
    for name, result in results.items():
        date = result.environment.date[:16].replace("T", " ")
        other = software[name] if software[name] != usual else ""
        earlier = f"of an earlier {', '.join(files)}" if (files := stale(result)) else ""
        parts = filter(None, [date, result.environment.cpu, other, earlier])
        found.append((name, "; ".join(parts)))
    return found


def photo_scenes() -> list[dict[str, Any]]:
    """Show the embedded photos with the maps of the shipped checkpoint and its artifacts.

    Raises:
        InputError: if one of them cannot be run.
    """
    from benchmarks.demo.comparison import Candidate, Scene, compare
    from samnet.data.embedded import embedded_photos
    from samnet.evaluation.predictor import load_predictor

    network = WEIGHTS.stem
    files = [p for p in usable_models() if file_name(p.name).network == network]
    candidates = []
    for path in (WEIGHTS, *files):
        precision = file_name(path.name).precision or "fp32"
        candidates.append(
            Candidate(
                f"{ENGINES[path.suffix]} {precision}",
                path.name,
                path.suffix,
                precision,
                path.stat().st_size / 1e6,
                load_predictor(path, threads=1),
            )
        )
    return scenes(compare(candidates, [Scene(*photo) for photo in embedded_photos()]))


def main(options: Options) -> None:
    """Write the page and its twin.

    Raises:
        InputError: for wrong input; nothing is written then.
    """
    twin = options.output.with_suffix(".md")
    if twin == options.output:
        raise InputError(f"{options.output}: expected a name such as report.html")
    for target in (options.output, twin):
        check_absent(target, overwrite=options.overwrite)
    result_index = gather(read_results(options.results), options.data)
    parts = sections(result_index)
    notes = [PROTOCOL]
    if options.photos:
        notes.append(photo_credits())
    html = page.render(
        "report.html",
        title=TITLE,
        summary=lede(result_index),
        changes=changes(result_index),
        sections=parts,
        scenes=photo_scenes() if options.photos else [],
        notes=notes,
        measured=measured(result_index.results),
    )
    for path, text in ((options.output, html), (twin, markdown(result_index, parts))):
        with replacing(path, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print(f"{options.output} and {twin} from {len(result_index.results)} result files")
    for line in stale_lines(result_index.results):
        print(line, file=sys.stderr)


COMMAND = Command.of(Options, main, "Writes what all result files say as a page and in Markdown.")
