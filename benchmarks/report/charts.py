"""The charts of the report: accuracy against cost, changes by int8, curves, sensitivity."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.report.pareto import ParetoEntry, front
from benchmarks.report.result_readers import Compared, FileName, Scored
from benchmarks.results.accuracy_kinds import Change, PairedScores, Sensitive, Sensitivity
from benchmarks.results.published import SOURCE, Method
from benchmarks.shared.charts import (
    BELOW,
    FLOAT,
    HEAD,
    LINE,
    OTHERS,
    OURS,
    PAPER,
    SOFT,
    Chart,
    chart,
    is_narrow,
    place_labels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_SPAN = 0.02
"""Of an axis of max F: less would show differences that mean nothing as large ones."""

BEHIND = 0.4
"""Opacity of curves of our networks other than the best one."""

ROW, LETTER, WIDEST = 0.18, 0.05, 2.4
"""Inches of a row of the chart of changes, of a letter of its label, and of all labels at most."""

SHOWN_MODULES = 18
"""Modules with a bar in the chart of sensitivity."""


def color(file: FileName, precision: str | None) -> str:
    """Choose the color of a form in every chart."""
    if not file.ours:
        return OTHERS
    return OURS if precision == "int8" else FLOAT


def against_cost(pareto_entries: Sequence[ParetoEntry], data: str, note: str) -> Chart:
    """Draw max F against latency and against file size, with the front that nothing dominates."""
    sized = [it for it in pareto_entries if it.megabytes is not None]
    panels = [
        functools.partial(_pareto_entries, rows=pareto_entries, cost="median", label="latency, ms")
    ]
    if sized:
        panels.append(
            functools.partial(_pareto_entries, rows=sized, cost="megabytes", label="file, MB")
        )
    best = max(pareto_entries, key=lambda it: it.max_F)
    fast = min(pareto_entries, key=lambda it: it.median)
    alt = (
        f"Max F on {data} against latency{' and file size' if sized else ''} of "
        f"{len(pareto_entries)} forms. {fast.label} is fastest with {fast.median:.1f} ms and "
        f"{fast.max_F:.3f}; {best.label} most accurate with {best.max_F:.3f} "
        f"and {best.median:.1f} ms."
    )
    caption = (
        f"Left and up is better; the line joins what no other form beats in both. Red is int8, "
        f"blue float, gray are networks of others. The cost axis is logarithmic. {note}"
    )
    return chart(panels, alt, caption)


def beside_published(
    methods: Sequence[Method],
    ours: Sequence[tuple[str, float, float | None, float]],
    data: str,
    count: int,
) -> Chart:
    """Draw max F against parameters and multiply-adds, as Fig. 3 of the paper.

    Args:
        methods: published.
        ours: name, millions of parameters, 10^9 multiply-adds and max F of each network of ours.
        data: the data set.
        count: photos of it that ours were measured on.
    """
    panels = [
        functools.partial(_published, methods=methods, ours=ours, data=data, cost=k, label=text)
        for k, text in ((0, "parameters, millions"), (1, "multiply-adds, 10⁹"))
    ]
    names = ", ".join(f"{name} {value:.3f}" for name, _, _, value in ours)
    alt = f"Max F on {data} against parameters and multiply-adds: {len(methods)} methods; {names}."
    caption = (
        f"Gray: {SOURCE}, on all of {data}. Blue: our weights, {count} photos of it. As in Fig. 3 "
        "there, the cost axis is logarithmic; there F is averaged over six data sets."
    )
    return chart(panels, alt, caption, height=4.4)


def changes(compared: Sequence[Compared]) -> Chart:
    """Draw what int8 changed, with bootstrap intervals: a panel for each figure.

    Rows are grouped by network and photos, and named by what tells them apart within these.
    """
    figures = list(dict.fromkeys(c.figure for it in compared for c in it.pair.changes))
    rows = _rows(compared)
    ends = [c.low for it in compared for c in it.pair.changes if c.figure != "MAE"]
    alt = (
        f"Changes of {len(figures)} figures by int8 in {len(compared)} comparisons; "
        f"the lowest end of an interval, MAE apart, is {min(ends):+.4f}."
    )
    caption = (
        "Change by int8: the dot is what was measured, the line its bootstrap interval. Gray: the "
        "interval holds 0, so that the photos show no change. Red: worse; blue: better. For MAE "
        "less is better. All panels have one scale."
    )
    extent = [end for it in compared for c in it.pair.changes for end in (c.low, c.high, 0.0)]
    panels = [
        functools.partial(
            _changes, rows=rows, figure=figure, extent=(min(extent), max(extent)), first=not number
        )
        for number, figure in enumerate(figures)
    ]
    height = BELOW + HEAD + ROW * (len(rows) + 1)
    left = min(WIDEST, 0.2 + LETTER * max(len(label) for label, _ in rows))
    return chart(panels, alt, caption, height, left=left, low=height)


def _rows(compared: Sequence[Compared]) -> list[tuple[str, PairedScores | None]]:
    """List the rows of the chart of changes with their labels; the heading of a group has none."""
    groups: dict[str, list[Compared]] = {}
    for it in sorted(compared, key=lambda it: it.network):
        photos = f"{it.network}, {it.pair.count} photos of {it.pair.data}"
        groups.setdefault(photos, []).append(it)
    rows: list[tuple[str, PairedScores | None]] = []
    for heading, members in groups.items():
        rows.append((heading, None))
        labels = Counter(it.form for it in members)
        for it in sorted(members, key=lambda it: it.form):
            rows.append((it.form if labels[it.form] == 1 else f"{it.form} ({it.result})", it.pair))
    return rows


def precision_recall(rows: Sequence[Scored], data: str) -> Chart:
    """Draw precision against recall of everything measured on a data set."""
    panel = functools.partial(_curves, rows=rows)
    names = ", ".join(f"{it.row.name} {it.row.max_F:.3f}" for it in rows)
    alt = f"Precision against recall on {data}. Max F: {names}."
    caption = (
        f"{data}, at 255 thresholds, averaged over the photos; dots mark max F. Pale: our networks "
        "other than the best one."
    )
    return chart([panel], alt, caption, height=4.6)


def sensitivity(result: Sensitivity) -> Chart:
    """Draw what each module loses when it alone is quantized."""
    rows = result.rows[:SHOWN_MODULES]
    alt = f"Signal to noise by module; {rows[0].module} loses most, {rows[0].only.snr} dB."
    caption = (
        f"The {len(rows)} modules that lose most when only they are quantized, on "
        f"{result.data.count} photos of {result.data.name} at {result.size} px. The line is "
        "everything quantized."
    )
    panel = functools.partial(_modules, rows=rows, whole=result.whole.snr)
    return chart([panel], alt, caption, height=0.8 + 0.2 * len(rows))


def _pareto_entries(axes: Axes, rows: Sequence[ParetoEntry], cost: str, label: str) -> None:
    costs = [getattr(row, cost) for row in rows]
    for row, x in zip(rows, costs, strict=True):
        hue = color(row.file, row.precision)
        axes.scatter(x, row.max_F, s=46, color=hue, marker=_marker(row.engine), zorder=3)
    best = sorted(front(rows, cost), key=lambda row: getattr(row, cost))
    line = [(getattr(row, cost), row.max_F) for row in best]
    axes.plot(*zip(*line, strict=True), color=SOFT, lw=1, drawstyle="steps-post", zorder=2)
    _log(axes, costs, label)
    sizes = {row.size for row in rows if row.file.ours}
    labels = []
    for row, x in zip(rows, costs, strict=True):
        text = row.label if len(sizes) > 1 else row.label.replace(f" {row.size} px", "")
        if is_narrow(axes) and row.file.ours and row not in best:
            text = ""
        labels.append((x, row.max_F, text, color(row.file, row.precision)))
    place_labels(axes, sorted(labels, key=lambda it: it[3] == OTHERS))


def _published(
    axes: Axes,
    methods: Sequence[Method],
    ours: Sequence[tuple[str, float, float | None, float]],
    data: str,
    cost: int,
    label: str,
) -> None:
    marks = []
    for method in methods:
        x = (method.params_M, method.gflops)[cost]
        y = method.scores[data].max_F if data in method.scores else None
        if x is not None and y is not None:
            marks.append((x, y, method.name, PAPER))
    axes.scatter([m[0] for m in marks], [m[1] for m in marks], s=20, color=PAPER, zorder=2)
    own = [((params, madds)[cost], y, name, FLOAT) for name, params, madds, y in ours]
    shown = [(x, y, name, hue) for x, y, name, hue in own if x is not None]
    axes.scatter([m[0] for m in shown], [m[1] for m in shown], s=60, color=FLOAT, zorder=3)
    _log(axes, [m[0] for m in (*marks, *shown)], label)
    place_labels(axes, [*shown, *sorted(marks, key=lambda mark: mark[0])], size=7)


def _log(axes: Axes, costs: Sequence[float], label: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 1.5, max(costs) * 1.7)
    axes.margins(y=0.15)
    low, high = axes.get_ylim()
    if high - low < LEAST_SPAN:
        middle = (low + high) / 2
        axes.set_ylim(middle - LEAST_SPAN / 2, middle + LEAST_SPAN / 2)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(label)
    axes.set_title("max F", loc="left", fontsize=9, color=SOFT)


def _changes(
    axes: Axes,
    rows: Sequence[tuple[str, PairedScores | None]],
    figure: str,
    extent: tuple[float, float],
    first: bool,
) -> None:
    from matplotlib.ticker import FuncFormatter
    from matplotlib.transforms import blended_transform_factory

    axes.axvline(0, color=SOFT, lw=1)
    labeled = first or is_narrow(axes)
    whole: Any = axes.get_figure()
    beside = blended_transform_factory(whole.transFigure, axes.transData)
    places: dict[int, str] = {}
    for place, (label, pair) in enumerate(rows):
        if pair is None:
            axes.axhline(place + 0.45, color=LINE, lw=1)
            if labeled:
                axes.text(
                    0.01, place, label, transform=beside, va="center", fontsize=7, weight="bold"
                )
            continue
        places[place] = label if labeled else ""
        for change in pair.changes:
            if change.figure == figure:
                hue = _judged(change)
                axes.hlines(place, change.low, change.high, color=hue, lw=1.8)
                axes.scatter(change.change, place, color=hue, s=18, zorder=3)
    axes.set_yticks(list(places), list(places.values()))
    axes.tick_params(axis="both", labelsize=7, length=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    margin = 0.05 * (extent[1] - extent[0])
    axes.set_xlim(extent[0] - margin, extent[1] + margin)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_title(figure.replace("_", " "), loc="left", fontsize=9, color=SOFT)


def _judged(change: Change) -> str:
    """Choose the color of a change by whether its interval holds 0, and for better or worse."""
    if change.low <= 0 <= change.high:
        return OTHERS
    worse = change.change > 0 if change.figure == "MAE" else change.change < 0
    return OURS if worse else FLOAT


def _curves(axes: Axes, rows: Sequence[Scored]) -> None:
    from samnet.evaluation.metrics import BETA_SQUARED

    dashes = {".tflite": (4, 2), ".pte": (1, 1.5)}
    best_of_ours = next((row.file.network for row in rows if row.file.ours), None)
    for row in rows:
        # Threshold 0 takes every pixel in, whatever the map.
        recall, precision = row.row.recall[1:], row.row.precision[1:]
        hue = color(row.file, row.file.precision)
        # Our other networks stand back, or their curves could not be told from the best one's.
        full = row.file.network == best_of_ours or not row.file.ours
        opacity = 1.0 if full else BEHIND
        (line,) = axes.plot(recall, precision, color=hue, lw=1.6, alpha=opacity, label=row.row.name)
        if row.file.suffix in dashes:
            line.set_dashes(dashes[row.file.suffix])
        f = [
            (1 + BETA_SQUARED) * p * r / max(BETA_SQUARED * p + r, 1e-12)
            for p, r in zip(precision, recall, strict=True)
        ]
        best = max(range(len(f)), key=f.__getitem__)
        axes.scatter(recall[best], precision[best], s=24, color=hue, alpha=opacity, zorder=3)
    # A phone's drawing has room for the legend below the curves alone.
    axes.set(xlabel="recall", xlim=(0, 1.0), ylim=(0.0 if is_narrow(axes) else 0.4, 1.0))
    axes.set_title("precision", loc="left", fontsize=9, color=SOFT)
    axes.legend(loc="lower left", fontsize=7)


def _modules(axes: Axes, rows: Sequence[Sensitive], whole: float) -> None:
    from matplotlib.transforms import blended_transform_factory

    axes.barh(range(len(rows)), [row.only.snr for row in rows], color=FLOAT, height=0.7)
    axes.axvline(whole, color=OURS, lw=1.5, ls="--")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    for place, row in enumerate(rows):
        axes.text(0.01, place, row.module, transform=beside, va="center", fontsize=7, color="white")
    axes.set_xlabel("signal to noise of the map, dB")


def _marker(engine: str) -> str:
    marks = {"LiteRT": "o", "ExecuTorch": "s", "ONNX Runtime": "^", "OpenVINO": "v"}
    return marks.get(engine, "D")
