"""The table of models, for the README."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks.docs.rival_scores import (
    PHOTOS,
    SETS,
    counts_of,
    pair,
    photos,
    published_counts,
    scored,
    scores_of,
    title_of,
)
from benchmarks.docs.rivals_page import OUR_LICENSE, timed_rivals
from benchmarks.peers.table import PEERS
from benchmarks.report.result_readers import side
from benchmarks.results.accuracy_kinds import Accuracy
from benchmarks.results.published import read_published
from benchmarks.results.reader import Results, is_current, of_kind, stale
from benchmarks.results.speed_kinds import Counts, Latency, LatencyRow
from benchmarks.shared.tables import MISSING, markdown, signed
from edge_apps.recommendation import core
from samnet.evaluation.score_row import ScoreRow

ORDER = ("samnet-lite", "samnet-edge", "samnet")
"""Ours, the default first."""

BESIDE = ("u2netp", "admnet", "isnet", "selfie")
"""The best-known networks of others; docs/benchmarks.md shows all."""

ALONE = (
    "Ours with refined maps, whose refinement is not in the milliseconds, those of others as their "
    "authors make them; [both plain, all forms and instructions on a Raspberry Pi "
    "5](docs/benchmarks.md#beside-the-networks-of-others)."
)
"""What the columns compare."""

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
    PHOTOS,
    "int8 changes them by",
    "ms / MB",
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
        milliseconds: on one thread, of the int8 file where it is ours.
        megabytes: of that file, millions of bytes.
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
    beside = [_peer(results, name) for name in BESIDE]
    return [*(it for it in ours if it.scores), *(it for it in beside if it.scores), *_others(rows)]


def table(results: Results) -> str:
    """Draw the models as Markdown, with the paper's rows below."""
    found = models(results)
    sizes = {it.timed_size for it in found if it.milliseconds}
    cells = [_cells(model, several_sizes=len(sizes) > 1) for model in found]
    for method in read_published():
        if method.name == "SAMNet":
            figures = [method.scores.get(name) for name in SETS]
            shown = [pair(it.max_F, it.MAE) if it else MISSING for it in figures]
            cost = f"{method.params_M:.2f}", f"{1000 * (method.gflops or 0):.0f}"
            counts = photos(published_counts(method))
            cells.append(("SAMNet as published, 336 px", *cost, *shown, counts, *[MISSING] * 3))
    cpus = ", ".join(sorted({it.cpu for it in found if it.cpu}))
    at = f", a photo of {sizes.pop()} px" if len(sizes) == 1 else ""
    note = f"\n\nMilliseconds: one thread of {cpus}{at}." if cpus else ""
    beside = f"\n\n{ALONE}" if any(not it.ours and it.scores for it in found) else ""
    return f"{markdown(HEAD, cells)}{note}{beside}\n\n{FOR_CORES}"


def _peer(results: Results, name: str) -> Model:
    """Give a network of others with its fastest file."""
    peer, timed = PEERS[name], timed_rivals(results)
    rows = [it for it in timed.rows if it.network == name and it.latency_ms] if timed else []
    row = min(rows, key=lambda it: it.latency_ms.median if it.latency_ms else 0.0, default=None)
    return Model(
        title_of(name),
        False,
        peer.license,
        multiply_adds=row.multiply_adds if row else None,
        scores=scores_of(results, name, peer.precision),
        milliseconds=row.latency_ms.median if row and row.latency_ms else None,
        megabytes=row.megabytes if row else None,
        timed_size=side(row.size) if row else None,
        cpu=_cpu(timed) if timed and row else "",
    )


def _others(rows: Sequence[ScoreRow]) -> list[Model]:
    """Give what else was measured, files and maps, by the names that it was measured under."""
    names = dict.fromkeys(row.name for row in rows if row.origin in ("onnx", "maps"))
    return [
        Model(
            name,
            False,
            scores={row.data: row for row in rows if row.name == name and row.data in SETS},
        )
        for name in names
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
        OUR_LICENSE,
        parameters=counts.get("parameters"),
        multiply_adds=counts.get("multiply_adds"),
        scores=scores,
        int8=changes[0] if changes else None,
        milliseconds=timed.latency_ms.median if timed and timed.latency_ms else None,
        megabytes=timed.megabytes if timed else None,
        timed_size=side(timed.size) if timed else None,
        cpu=cpu,
    )


def _cost(results: Results, name: str) -> dict[str, float]:
    """Parameters and multiply-adds of the shipped weights at their own size."""
    found = [it.counts.get(f"{name}.safetensors") for it in of_kind(results, Counts).values()]
    return next((values for values in reversed(found) if values), {})


def _fastest(results: Results, name: str) -> tuple[LatencyRow | None, str]:
    """Find the newest time of the int8 .tflite on one thread, and the CPU.

    Times on a core that int8 is for come before others, and those beside others before all.
    """
    current = [it for it in of_kind(results, Latency).values() if not stale(it)]
    beside = timed_rivals(results)
    current.sort(key=lambda it: (it is beside, _for_int8(it)))
    for it in reversed(current):
        for row in it.rows:
            ours = row.network == name and row.engine == "litert" and row.precision == "int8"
            if ours and row.threads == 1 and row.latency_ms:
                return row, _cpu(it)
    return None, ""


def _cpu(result: Latency) -> str:
    return f"{result.environment.cpu} ({core(result.environment.cpu_features).name})"


def _for_int8(result: Latency) -> bool:
    return core(result.environment.cpu_features).precision == "int8"


def _cells(model: Model, *, several_sizes: bool) -> tuple[str, ...]:
    time = MISSING
    if model.milliseconds:
        megabytes = f"{model.megabytes:.1f}" if model.megabytes else MISSING
        at = f" at {model.timed_size} px" if several_sizes else ""
        time = f"{model.milliseconds:.1f} / {megabytes}{at}"
    change = model.int8
    return (
        f"`{model.name}`" if model.ours else model.name,
        f"{model.parameters / 1e6:.2f}" if model.parameters else MISSING,
        f"{model.multiply_adds / 1e6:.0f}" if model.multiply_adds else MISSING,
        *(scored(model.scores.get(name)) for name in SETS),
        photos(counts_of(model.scores)),
        f"{signed(change[0])} / {signed(change[1])}" if change else MISSING,
        time,
        model.license or MISSING,
    )
