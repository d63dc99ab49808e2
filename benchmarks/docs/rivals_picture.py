"""The picture of our networks beside those of others: accuracy against time and instructions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from benchmarks.docs.rival_scores import SETS, instructions_of, scores_of
from benchmarks.docs.rivals_page import Rival, rivals, timed_rivals
from benchmarks.peers.table import PEERS
from benchmarks.report.result_readers import file_name
from benchmarks.results.reader import Results
from benchmarks.shared.charts import FLOAT, OTHERS, OURS, SOFT, STYLE, place_labels
from samnet.evaluation.score_row import ScoreRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Group = Literal["int8", "fp32", "baseline", "other", "people"]

MARKS: dict[Group, tuple[str, str, str]] = {
    "int8": ("o", OURS, "ours, int8"),
    "fp32": ("o", FLOAT, "ours, float32"),
    "baseline": ("D", OTHERS, "the paper's baselines, trained here"),
    "other": ("s", OTHERS, "networks of others"),
    "people": ("v", OTHERS, "for people only, not for what is salient"),
}
"""Shape, color and legend of each group; that of networks for people is hollow."""

BELOW, ABOVE = 0.03, 0.01
"""How far the axis goes below the worst network that looks for what is salient, and above the best
one."""


@dataclasses.dataclass(frozen=True)
class Point:
    """A form of a network in the picture.

    Args:
        label: names it.
        group: what it belongs to.
        cost: milliseconds or millions of instructions.
        max_F: on the first data set.
        count: photos that this stands on.
    """

    label: str
    group: Group
    cost: float
    max_F: float
    count: int


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
        points = [*timed, *counted]
        photos = max((it.count for it in points), default=0)
        found = [it.max_F for it in points if it.group != "people"]
        floor = min(found, default=0.7) - BELOW
        top = max((it.max_F for it in points), default=floor + BELOW) + ABOVE
        _legend(figure, points, floor)
        _panel(left, timed, (floor, top), photos, "ms of a photo on x86, one thread")
        title = "M instructions of a photo on a Cortex-A76 (Raspberry Pi 5)"
        _panel(right, counted, (floor, top), photos, title)
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
    """Leave a network's slower runtimes out of the picture: LiteRT, or what a rival runs with."""
    suffixes = PEERS[it.name].suffixes if it.name in PEERS else (".tflite",)
    return it.row.engine == ("litert" if ".tflite" in suffixes else "onnxruntime")


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
    label, group = f"{name} {precision}", _group(name, precision)
    if name in PEERS:
        label = PEERS[name].title
    return Point(label, group, cost, score.max_F, score.count)


def _group(name: str, precision: str) -> Group:
    if name in PEERS:
        return "people" if PEERS[name].people else "other"
    if file_name(name).baseline:
        return "baseline"
    return "int8" if precision == "int8" else "fp32"


def _legend(figure: Figure, points: Iterable[Point], floor: float) -> None:
    """Explain the marks that are drawn, and no others."""
    from matplotlib.lines import Line2D

    drawn = {it.group: it.max_F < floor for it in sorted(points, key=lambda it: -it.max_F)}
    handles = []
    for group, (marker, hue, text) in MARKS.items():
        if group in drawn:
            label = f"{text}; at the lower edge: below the axis" if drawn[group] else text
            face = _face(group, hue)
            handles.append(
                Line2D([], [], ls="", marker=marker, mec=hue, mfc=face, ms=6, label=label)
            )
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


def _face(group: Group, hue: str) -> str:
    return "white" if group == "people" else hue


def _panel(
    axes: Axes, points: Sequence[Point], limits: tuple[float, float], photos: int, title: str
) -> None:
    floor, top = limits
    axes.set_xlabel(title)
    if not points:
        axes.text(0.5, 0.5, "not measured yet", transform=axes.transAxes, ha="center", color=SOFT)
        axes.set_xticks([])
        return
    labels = []
    for it in points:
        marker, hue, _ = MARKS[it.group]
        y = max(it.max_F, floor + 0.006)
        axes.scatter(
            it.cost, y, s=44, facecolor=_face(it.group, hue), edgecolor=hue, marker=marker, zorder=3
        )
        text = f"{it.label}, max F {it.max_F:.3f}" if it.max_F < floor else it.label
        text = text if it.count == photos else f"{text} ({it.count:,} photos)"
        labels.append((it.cost, y, text, hue))
    low, high = min(it.cost for it in points) / 1.5, max(it.cost for it in points) * 1.7
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(floor, top)
    steps = (1, 2, 5) if high / low < 300 else (1,)
    ticks = [n * 10**k for k in range(5) for n in steps if low <= n * 10**k <= high]
    axes.set_xticks(ticks, [f"{it:,}" for it in ticks])
    axes.minorticks_off()
    place_labels(axes, labels, size=7.5)
