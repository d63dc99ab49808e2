"""The table of models and the picture of accuracy against cost, for the README."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.latency.peers import PEERS
from benchmarks.results.accuracy_kinds import Accuracy
from benchmarks.results.published import read_published
from benchmarks.results.reader import Results, is_current, of_kind, stale
from benchmarks.results.speed_kinds import Counts, Latency, LatencyRow
from benchmarks.shared.charts import OTHERS, OURS, PAPER, SOFT, STYLE, place_labels
from benchmarks.shared.tables import MISSING, markdown, signed
from edge_apps.recommendation import core
from samnet.evaluation.score_row import ScoreRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETS = ("DUTS-TE", "ECSSD")
"""Data sets of the table; the picture shows the first one."""

ORDER = ("samnet-lite", "samnet-edge", "samnet")
"""Ours, the default first."""

LICENSE = "Apache-2.0"
"""Of our weights."""

LIGHT = 3.0
"""Millions of parameters up to which a published method is shown."""

TICKS = (100, 200, 500, 1000, 2000, 5000)
"""Millions of multiply-adds."""

FOR_CORES = (
    "Two files a network: int8 for arm, and for x86 with VNNI; float32 for x86 without it, where "
    "int8 gains size and memory alone ([which file for which core](docs/devices.md#which-file)). "
    "`samnet doctor` looks at the processor."
)
"""What the table does not say of precisions."""

HEAD = (
    "network",
    "parameters, M",
    "multiply-adds, M",
    *(f"{name}: max F / MAE" for name in SETS),
    "int8 changes them by",
    "int8: ms / MB",
    "license",
)


@dataclasses.dataclass(frozen=True)
class Model:
    """A network of the table; None and empty where nothing was measured.

    Args:
        name: of the network.
        ours: whether it is of this project.
        license: of its weights; empty where it is not known.
        parameters: that are learned.
        multiply_adds: of an inference at its own size.
        scores: by data set, refined where it is ours.
        int8: change of max F and of MAE by int8 on the first data set.
        milliseconds: of the int8 file on one thread.
        megabytes: of the int8 file, millions of bytes.
        timed_size: pixels of the input that they were taken at.
        cpu: that they were taken on.
    """

    name: str
    ours: bool
    license: str = ""
    parameters: float | None = None
    multiply_adds: float | None = None
    scores: dict[str, ScoreRow] = dataclasses.field(default_factory=dict)
    int8: tuple[float, float] | None = None
    milliseconds: float | None = None
    megabytes: float | None = None
    timed_size: int | None = None
    cpu: str = ""


def models(results: Results) -> list[Model]:
    """Give the networks whose shipped weights were measured, and those of others measured here."""
    rows = [row for it in of_kind(results, Accuracy).values() for row in it.rows]
    ours = [_ours(results, name, rows) for name in ORDER]
    return [*(it for it in ours if it.scores), *_others(rows)]


def table(results: Results) -> str:
    """Draw the models as Markdown, with the paper's rows below."""
    found = models(results)
    sizes = {it.timed_size for it in found if it.milliseconds}
    cells = [_cells(model, several_sizes=len(sizes) > 1) for model in found]
    for method in read_published():
        if method.name == "SAMNet":
            figures = [method.scores.get(name) for name in SETS]
            shown = [_pair(it.max_F, it.MAE) if it else MISSING for it in figures]
            cost = f"{method.params_M:.2f}", f"{1000 * (method.gflops or 0):.0f}"
            cells.append(("SAMNet as published, 336 px", *cost, *shown, *[MISSING] * 3))
    cpus = ", ".join(sorted({it.cpu for it in found if it.cpu}))
    at = f", a photo of {sizes.pop()} px" if len(sizes) == 1 else ""
    note = f"\n\nMilliseconds: one thread of {cpus}{at}." if cpus else ""
    return f"{markdown(HEAD, cells)}{note}\n\n{FOR_CORES}"


def picture(results: Results) -> Figure:
    """Max F on DUTS-TE against multiply-adds: ours measured, the paper's as published."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawn

    points = list(_points(results))
    with rc_context(STYLE):
        figure = Drawn(figsize=(8.2, 4.2), layout="constrained")
        FigureCanvasAgg(figure)  # labels are placed by what their text measures
        axes = figure.add_subplot()
        for _, work, score, hue in points:
            axes.scatter(work, score, s=46, color=hue, zorder=3)
        axes.set_xscale("log")
        axes.set_xlim(min(point[1] for point in points) / 1.4)
        axes.set_xticks(TICKS, map(str, TICKS))
        axes.minorticks_off()
        axes.set_xlabel("multiply-adds of a photo, millions")
        axes.set_ylabel(f"max F on {SETS[0]}")
        axes.set_title(
            "Red: ours, refined, measured on 1,004 photos. Gray: published, on all 5,019.",
            fontsize=9,
            color=SOFT,
            loc="left",
        )
        place_labels(axes, [(work, score, name, hue) for name, work, score, hue in points])
    return figure


def _points(results: Results) -> Iterator[tuple[str, float, float, str]]:
    for model in models(results):
        row = model.scores.get(SETS[0])
        if row and model.multiply_adds:
            yield model.name, model.multiply_adds / 1e6, row.max_F, OURS if model.ours else OTHERS
    for method in read_published():
        score = method.scores.get(SETS[0])
        light = method.params_M is not None and method.params_M <= LIGHT
        if light and method.gflops and score and score.max_F:
            yield method.name, 1000 * method.gflops, score.max_F, PAPER


def _others(rows: Sequence[ScoreRow]) -> list[Model]:
    """Give the networks of others by the names that they were measured under."""
    files = {row.name: Path(row.file).stem for row in rows if row.origin in ("onnx", "maps")}
    return [
        Model(
            name,
            False,
            PEERS[file].license if file in PEERS else "",
            scores={row.data: row for row in rows if row.name == name and row.data in SETS},
        )
        for name, file in files.items()
    ]


def _ours(results: Results, name: str, rows: Sequence[ScoreRow]) -> Model:
    weights = [
        row
        for row in rows
        if row.file == f"{name}.safetensors" and is_current(row.file, row.sha256)
    ]
    scores = {row.data: row for row in weights if row.last_step == "refined"}
    plain = {row.data: row for row in weights if row.last_step == "plain"}
    quantized = [row for row in rows if row.file.startswith(f"{name}_") and "int8" in row.file]
    changes = [
        (row.max_F - plain[row.data].max_F, row.MAE - plain[row.data].MAE)
        for row in quantized
        if row.data == SETS[0]
        and row.last_step == "plain"
        and row.data in plain
        and row.source_sha256 == plain[row.data].sha256
    ]
    counts = _cost(results, name)
    timed, cpu = _fastest(results, name)
    return Model(
        name,
        True,
        LICENSE,
        parameters=counts.get("parameters"),
        multiply_adds=counts.get("multiply_adds"),
        scores=scores,
        int8=changes[0] if changes else None,
        milliseconds=timed.latency_ms.median if timed and timed.latency_ms else None,
        megabytes=timed.megabytes if timed else None,
        timed_size=_side(timed.size) if timed else None,
        cpu=cpu,
    )


def _cost(results: Results, name: str) -> dict[str, float]:
    """Parameters and multiply-adds of the shipped weights at their own size."""
    found = [it.counts.get(f"{name}.safetensors") for it in of_kind(results, Counts).values()]
    return next((values for values in reversed(found) if values), {})


def _fastest(results: Results, name: str) -> tuple[LatencyRow | None, str]:
    """Find the newest time of the int8 .tflite on one thread, and the CPU.

    Times on a core that int8 is for come before others.
    """
    current = [it for it in of_kind(results, Latency).values() if not stale(it)]
    current.sort(key=_for_int8)
    for it in reversed(current):
        for row in it.rows:
            ours = row.network == name and row.engine == "litert" and row.precision == "int8"
            if ours and row.threads == 1 and row.latency_ms:
                return row, f"{it.environment.cpu} ({core(it.environment.cpu_features).name})"
    return None, ""


def _for_int8(result: Latency) -> bool:
    return core(result.environment.cpu_features).precision == "int8"


def _side(size: int | tuple[int, ...] | None) -> int | None:
    return size[0] if isinstance(size, tuple) else size


def _cells(model: Model, *, several_sizes: bool) -> tuple[str, ...]:
    time = MISSING
    if model.milliseconds:
        megabytes = f"{model.megabytes:.1f}" if model.megabytes else MISSING
        at = f" at {model.timed_size} px" if several_sizes else ""
        time = f"{model.milliseconds:.1f} / {megabytes}{at}"
    scores = [model.scores.get(name) for name in SETS]
    change = model.int8
    return (
        f"`{model.name}`" if model.ours else model.name,
        f"{model.parameters / 1e6:.2f}" if model.parameters else MISSING,
        f"{model.multiply_adds / 1e6:.0f}" if model.multiply_adds else MISSING,
        *(_pair(row.max_F, row.MAE) if row else MISSING for row in scores),
        f"{signed(change[0])} / {signed(change[1])}" if change else MISSING,
        time,
        model.license or MISSING,
    )


def _pair(score: float | None, error: float | None) -> str:
    return MISSING if score is None or error is None else f"{score:.3f} / {error:.3f}"
