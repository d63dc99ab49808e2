"""Our networks beside those of others: one table and one picture of accuracy against cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from benchmarks.docs.rival_scores import SETS, instructions_of, most_photos, pair, scored, scores_of
from benchmarks.peers.table import PEERS
from benchmarks.report.result_readers import file_name, side
from benchmarks.results.accuracy_kinds import Accuracy
from benchmarks.results.published import read_published
from benchmarks.results.reader import Results, newest, of_kind
from benchmarks.results.speed_kinds import Latency, LatencyRow
from benchmarks.shared.charts import FLOAT, OTHERS, OURS, SOFT, STYLE, place_labels
from benchmarks.shared.tables import MISSING, markdown, number
from samnet.evaluation.score_row import ScoreRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUR_LICENSE = "Apache-2.0"

LIGHT = 3.0
"""Millions of parameters up to which a published method is shown."""

HEAD = (
    "network",
    "license",
    "form",
    "px",
    "ms",
    "× ours",
    *(f"{name}: max F / MAE" for name in SETS),
    "MB",
    "A76, M instructions",
)

NOTES = (
    "Ours plain, as the others are, and without the refinement that the programs add to them. "
    "Float forms have the scores of their checkpoint. Maps of U²-Net-p, ADMNet and IS-Net are "
    "stretched to the whole range photo by photo (min–max), as their authors do; all others are "
    "as they come out. Photos are prepared as each network's authors do, at its own size. "
    "× ours: times the default's milliseconds, in the same run. Instructions: of one inference "
    "of the `.tflite` on an emulated core of the Raspberry Pi 5; no time. The paper's "
    "MobileNetV2 and ShuffleNetV2 were built for their times, and have no trained weights to "
    "score. Published: Tables II and III of the paper, at 336 px, on all 1,000 and 5,019 photos, "
    "by their authors' code; to be compared with each other.",
    "A network that looks for people and not for what is salient finds nothing on most of these "
    "photos: its scores say what it is for, not how good it is.",
)


@dataclasses.dataclass(frozen=True)
class Rival:
    """A row of the table; None where nothing was measured.

    Args:
        name: a key of ``PEERS``, or the name of a network of this project.
        title: for tables.
        row: its time.
        scores: by data set.
        times: its time as a multiple of the default's.
        instructions: of an inference on a Cortex-A76.
    """

    name: str
    title: str
    row: LatencyRow
    scores: dict[str, ScoreRow]
    times: float | None
    instructions: int | None

    @property
    def license(self) -> str:
        """Of its weights."""
        return PEERS[self.name].license if self.name in PEERS else OUR_LICENSE


def has_rivals(result: Latency) -> bool:
    """Tell whether a timing is of ours beside the networks of others."""
    return {"samnet-lite", "u2netp", "admnet"} <= {row.network for row in result.rows}


def timed_rivals(results: Results) -> Latency | None:
    """Find the newest timing of ours beside the networks of others."""
    return newest(results, Latency, has_rivals)


def rivals(result: Latency, results: Results) -> list[Rival]:
    """Join the rows of a timing with accuracies and instructions."""
    ours, counts = default_ms(result), instructions_of(results)
    return [_rival(row, ours, counts, results) for row in result.rows]


def default_ms(result: Latency) -> float | None:
    """Read the time of what devices run unless told otherwise: the first int8 row of ours."""
    for row in result.rows:
        ours = (row.network, row.engine, row.precision) == ("samnet-lite", "litert", "int8")
        if ours and row.latency_ms:
            return row.latency_ms.median
    return None


def table(result: Latency, results: Results) -> str:
    """Draw the rows with their notes as Markdown, the published ones below."""
    found = rivals(result, results)
    photos = most_photos(it.scores for it in found)
    cells = [_cells(it, photos) for it in found]
    for method in read_published():
        if method.params_M is not None and method.params_M <= LIGHT:
            figures = [method.scores.get(name) for name in SETS]
            shown = [pair(it.max_F, it.MAE) if it else MISSING for it in figures]
            head = [method.name, MISSING, "published", "336", MISSING, MISSING]
            cells.append([*head, *shown, MISSING, MISSING])
    lines = [f"- {line}" for line in _remarks(found, results)]
    at = result.environment
    on = f"On {at.machine}, {at.date[:10]}, one thread, in turn, {result.protocol.repetitions} runs"
    waited = max((row.waited for row in result.rows), default=0.0)
    on = f"{on} each; a process waited for its core {waited:.0%} of the time at most."
    return "\n\n".join([markdown(HEAD, cells, words=3), "\n".join(lines), *NOTES, on])


def picture(results: Results) -> Figure:
    """Max F against milliseconds on x86, and against instructions on a Cortex-A76."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawn

    with rc_context(STYLE):
        figure = Drawn(figsize=(10.2, 4.4), layout="constrained")
        FigureCanvasAgg(figure)  # labels are placed by what their text measures
        left, right = figure.subplots(1, 2, sharey=True)
        timed, counted = _timed_points(results), _counted_points(results)
        floor = _floor([*timed, *counted])
        _panel(left, timed, floor, "ms of a photo on x86, one thread")
        _panel(right, counted, floor, "M instructions of a photo on a Cortex-A76 (Raspberry Pi 5)")
        left.set_ylabel(f"max F on {SETS[0]}, plain maps")
        figure.suptitle(
            "Red: ours, int8. Blue: ours, float32. Squares: networks of others. Triangles: they "
            "find people alone, and score below the axis.",
            fontsize=9,
            color=SOFT,
            x=0.01,
            ha="left",
        )
    return figure


@dataclasses.dataclass(frozen=True)
class Point:
    """A form of a network in the picture."""

    label: str
    cost: float
    max_F: float
    hue: str
    ours: bool
    people: bool


def _timed_points(results: Results) -> list[Point]:
    result = timed_rivals(results)
    if result is None:
        return []
    return [
        _point(it.name, it.row.precision, it.row.latency_ms.median, it.scores[SETS[0]])
        for it in rivals(result, results)
        if it.row.latency_ms and SETS[0] in it.scores and _is_drawn(it)
    ]


def _is_drawn(it: Rival) -> bool:
    """Leave a network's slower runtimes out of the picture: LiteRT, or what a rival runs with."""
    return it.row.engine == ("litert" if ".tflite" in _suffixes(it.name) else "onnxruntime")


def _suffixes(name: str) -> Sequence[str]:
    return PEERS[name].suffixes if name in PEERS else (".tflite",)


def _counted_points(results: Results) -> list[Point]:
    points = []
    for file, count in instructions_of(results).items():
        named = file_name(file)
        precision = PEERS[named.network].precision if named.network in PEERS else named.precision
        scores = scores_of(results, named.network, precision or "fp32")
        if SETS[0] in scores:
            points.append(_point(named.network, precision or "", count / 1e6, scores[SETS[0]]))
    return points


def _point(name: str, precision: str, cost: float, score: ScoreRow) -> Point:
    if name in PEERS:
        return Point(PEERS[name].title, cost, score.max_F, OTHERS, False, PEERS[name].people)
    hue = OURS if precision == "int8" else FLOAT
    return Point(f"{name} {precision}", cost, score.max_F, hue, True, False)


def _floor(points: Iterable[Point]) -> float:
    """Find where the axis begins: below the worst network that looks for what is salient."""
    return min((it.max_F for it in points if not it.people), default=0.7) - 0.03


def _panel(axes: Axes, points: Sequence[Point], floor: float, title: str) -> None:
    axes.set_xlabel(title)
    if not points:
        axes.text(0.5, 0.5, "not measured yet", transform=axes.transAxes, ha="center", color=SOFT)
        axes.set_xticks([])
        return
    labels = []
    for it in points:
        y = max(it.max_F, floor + 0.006)
        marker = "o" if it.ours else "v" if it.max_F < floor else "s"
        axes.scatter(it.cost, y, s=44, color=it.hue, marker=marker, zorder=3)
        text = f"{it.label} ({it.max_F:.2f})" if it.max_F < floor else it.label
        labels.append((it.cost, y, text, it.hue))
    costs = [it.cost for it in points]
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 1.5, max(costs) * 1.7)
    axes.set_ylim(floor)
    ticks = [n * 10**k for k in range(5) for n in (1, 2, 5)]
    ticks = [it for it in ticks if min(costs) / 1.5 <= it <= max(costs) * 1.7]
    axes.set_xticks(ticks, [f"{it:,}" for it in ticks])
    axes.minorticks_off()
    place_labels(axes, labels, size=7.5)


def _rival(
    row: LatencyRow, ours: float | None, counts: Mapping[str, int], results: Results
) -> Rival:
    times = row.latency_ms.median / ours if row.latency_ms and ours else None
    name = row.network
    return Rival(
        name,
        PEERS[name].title if name in PEERS else name,
        row,
        scores_of(results, name, row.precision),
        times,
        counts.get(row.file),
    )


def _cells(it: Rival, photos: Mapping[str, int]) -> list[str]:
    row = it.row
    return [
        it.title if it.name in PEERS else f"`{it.name}`",
        it.license,
        row.label,
        str(side(row.size) or MISSING),
        number(row.latency_ms.median if row.latency_ms else None, ".1f"),
        number(it.times, ".2f" if (it.times or 0) < 10 else ".0f"),
        *(scored(it.scores.get(name), photos) for name in SETS),
        number(row.megabytes, ".1f" if (row.megabytes or 0) >= 1 else ".2f"),
        number(it.instructions / 1e6 if it.instructions else None, ".0f"),
    ]


def _remarks(found: Sequence[Rival], results: Results) -> list[str]:
    """Say what each network of others is, and what of it could not be had."""
    lines = dict.fromkeys(
        f"{it.title}: {PEERS[it.name].about}; from {PEERS[it.name].origin}."
        for it in found
        if it.name in PEERS
    )
    failed = [f"{it.title}, {it.row.label}: {it.row.failure}." for it in found if it.row.failure]
    unscored = [
        f"{name}, accuracy: {why}."
        for it in of_kind(results, Accuracy).values()
        for name, why in it.failures.items()
    ]
    return [*lines, *failed, *unscored]
