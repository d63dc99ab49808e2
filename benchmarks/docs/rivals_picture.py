"""The picture of our networks beside those of others: accuracy against time and instructions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from benchmarks.docs.rival_scores import SETS, for_people, instructions_of, scores_of
from benchmarks.docs.rivals_page import Rival, rivals, timed_rivals
from benchmarks.peers.table import PEERS
from benchmarks.report.result_readers import file_name
from benchmarks.results.reader import Results
from benchmarks.shared.charts import FLOAT, OTHERS, OURS, SOFT, STYLE, place_labels
from samnet.evaluation.score_row import ScoreRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Group = Literal["int8", "fp32", "baseline", "other"]

MARKS: dict[Group, tuple[str, str, str]] = {
    "int8": ("o", OURS, "ours, int8"),
    "fp32": ("o", FLOAT, "ours, float32"),
    "baseline": ("D", OTHERS, "the paper's baselines, trained here, int8 and float32"),
    "other": ("s", OTHERS, "networks of others"),
}
"""Shape, color and legend of each group."""

BELOW, ABOVE = 0.02, 0.015
"""How far the axis goes below the worst network, and above the best one."""


@dataclasses.dataclass(frozen=True)
class Point:
    """A form of a network in the picture.

    Args:
        name: of the network.
        group: what it belongs to.
        cost: milliseconds or millions of instructions.
        max_F: on the first data set.
        count: photos that this stands on.
    """

    name: str
    group: Group
    cost: float
    max_F: float
    count: int


def picture(results: Results) -> Figure:
    """Max F against milliseconds on x86, and against instructions on a Cortex-A76.

    Networks for people alone, which were not made for what is salient, are left to the table.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawn

    with rc_context(STYLE):
        figure = Drawn(figsize=(10.2, 4.4), layout="constrained")
        FigureCanvasAgg(figure)  # labels are placed by what their text measures
        left, right = figure.subplots(1, 2, sharey=True)
        timed, counted = _timed_points(results), _counted_points(results)
        points = [*timed, *counted]
        photos = max((it.count for it in points), default=0)
        found = [it.max_F for it in points] or [0.7]
        limits = (min(found) - BELOW, max(found) + ABOVE)
        _legend(figure, points)
        _panel(left, timed, limits, photos, "ms of a photo on x86, one thread")
        title = "M instructions of a photo on a Cortex-A76 (Raspberry Pi 5)"
        _panel(right, counted, limits, photos, title)
        on = f"{photos:,} photos of {SETS[0]}" if photos else SETS[0]
        left.set_ylabel(f"max F on {on}, plain maps")
    return figure


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
    """Tell whether to draw a row: not of people alone, nor with a slower runtime of a network."""
    if for_people(it.name):
        return False
    suffixes = PEERS[it.name].suffixes if it.name in PEERS else (".tflite",)
    return it.row.engine == ("litert" if ".tflite" in suffixes else "onnxruntime")


def _counted_points(results: Results) -> list[Point]:
    points = []
    for file, count in instructions_of(results).items():
        named = file_name(file)
        precision = PEERS[named.network].precision if named.network in PEERS else named.precision
        scores = scores_of(results, named.network, precision or "fp32")
        if SETS[0] in scores and not for_people(named.network):
            points.append(_point(named.network, precision or "", count / 1e6, scores[SETS[0]]))
    return points


def _point(name: str, precision: str, cost: float, score: ScoreRow) -> Point:
    title = PEERS[name].title if name in PEERS else name
    return Point(title, _group(name, precision), cost, score.max_F, score.count)


def _group(name: str, precision: str) -> Group:
    if name in PEERS:
        return "other"
    if file_name(name).baseline:
        return "baseline"
    return "int8" if precision == "int8" else "fp32"


def _legend(figure: Figure, points: Iterable[Point]) -> None:
    """Explain the marks that are drawn, and no others."""
    from matplotlib.lines import Line2D

    drawn = {it.group for it in points}
    handles = [
        Line2D([], [], ls="", marker=marker, color=hue, ms=6, label=text)
        for group, (marker, hue, text) in MARKS.items()
        if group in drawn
    ]
    if handles:
        figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=len(handles),
            fontsize=8,
            labelcolor=SOFT,
            handletextpad=0.1,
            columnspacing=1.2,
        )


def _panel(
    axes: Axes, points: Sequence[Point], limits: tuple[float, float], photos: int, title: str
) -> None:
    axes.set_xlabel(title)
    if not points:
        axes.text(0.5, 0.5, "not measured yet", transform=axes.transAxes, ha="center", color=SOFT)
        axes.set_xticks([])
        return
    labels = []
    for name in dict.fromkeys(it.name for it in points):
        forms = sorted((it for it in points if it.name == name), key=lambda it: it.cost)
        axes.plot([it.cost for it in forms], [it.max_F for it in forms], color=SOFT, lw=0.8)
        for it in forms:
            marker, hue, _ = MARKS[it.group]
            axes.scatter(it.cost, it.max_F, s=44, color=hue, marker=marker, zorder=3)
        first = forms[0]
        text = name if first.count == photos else f"{name} ({first.count:,} photos)"
        labels.append((first.cost, first.max_F, text, MARKS[first.group][1]))
        labels += [(it.cost, it.max_F, "", "") for it in forms[1:]]
    low, high = min(it.cost for it in points) / 1.5, max(it.cost for it in points) * 1.7
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(*limits)
    steps = (1, 2, 5) if high / low < 300 else (1,)
    ticks = [n * 10**k for k in range(5) for n in steps if low <= n * 10**k <= high]
    axes.set_xticks(ticks, [f"{it:,}" for it in ticks])
    axes.minorticks_off()
    place_labels(axes, labels, size=7.5)
