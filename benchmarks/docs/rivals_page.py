"""The table of our networks beside those of others: accuracy and cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from benchmarks.baselines import trained
from benchmarks.docs.rival_scores import (
    PEOPLE,
    PHOTOS,
    SETS,
    counts_of,
    instructions_of,
    pair,
    photos,
    published_counts,
    scored,
    scores_of,
    title_of,
)
from benchmarks.peers.table import PEERS
from benchmarks.report.result_readers import file_name, side
from benchmarks.results.accuracy_kinds import Accuracy
from benchmarks.results.published import read_published
from benchmarks.results.reader import ROOT, Results, newest, of_kind
from benchmarks.results.speed_kinds import Latency, LatencyRow
from benchmarks.shared.tables import MISSING, markdown, number
from samnet.evaluation.score_row import ScoreRow

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
    PHOTOS,
    "MB",
    "A76, M instructions",
)

NOTES = (
    "Ours plain, as the others are, and without the refinement that the programs add to them. "
    "Float forms have the scores of their checkpoint. Maps of U²-Net-p, ADMNet and IS-Net are "
    "stretched to the whole range photo by photo (min–max), as their authors do; all others are "
    "as they come out. Photos are prepared as each network's authors do, at its own size. "
    "× ours: times the default's milliseconds, in the same run. Instructions: of one inference "
    "of the `.tflite` on an emulated core of the Raspberry Pi 5; no time. Published: Tables II and "
    "III of the paper, at 336 px, on all photos, by their authors' code; to be compared with each "
    "other.",
    f"Networks marked *{PEOPLE}* look for people and not for what is salient: their scores say "
    "what they are for, not how good they are.",
)


@dataclasses.dataclass(frozen=True)
class Rival:
    """A row of the table; None where nothing was measured.

    Args:
        name: a key of ``PEERS``, or the name of a network of this project.
        row: its time.
        scores: by data set.
        times: its time as a multiple of the default's.
        instructions: of an inference on a Cortex-A76.
    """

    name: str
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
    cells = [_cells(it) for it in found]
    for method in read_published():
        if method.params_M is not None and method.params_M <= LIGHT:
            figures = [method.scores.get(name) for name in SETS]
            shown = [pair(it.max_F, it.MAE) if it else MISSING for it in figures]
            head = [method.name, MISSING, "published", "336", MISSING, MISSING]
            cells.append([*head, *shown, photos(published_counts(method)), MISSING, MISSING])
    lines = [f"- {line}" for line in _remarks(found, results)]
    at = result.environment
    on = f"On {at.machine}, {at.date[:10]}, one thread, in turn, {result.protocol.repetitions} runs"
    waited = max((row.waited for row in result.rows), default=0.0)
    on = f"{on} each; a process waited for its core {waited:.0%} of the time at most."
    return "\n\n".join([markdown(HEAD, cells, words=3), "\n".join(lines), *NOTES, on])


def _rival(
    row: LatencyRow, ours: float | None, counts: Mapping[str, int], results: Results
) -> Rival:
    times = row.latency_ms.median / ours if row.latency_ms and ours else None
    name = row.network
    return Rival(
        name,
        row,
        scores_of(results, name, row.precision),
        times,
        counts.get(row.file),
    )


def _cells(it: Rival) -> list[str]:
    row = it.row
    return [
        title_of(it.name),
        it.license,
        row.label,
        str(side(row.size) or MISSING),
        number(row.latency_ms.median if row.latency_ms else None, ".1f"),
        number(it.times, ".2f" if (it.times or 0) < 10 else ".0f"),
        *(scored(it.scores.get(name)) for name in SETS),
        photos(counts_of(it.scores)),
        number(row.megabytes, ".1f" if (row.megabytes or 0) >= 1 else ".2f"),
        number(it.instructions / 1e6 if it.instructions else None, ".0f"),
    ]


def _remarks(found: Sequence[Rival], results: Results) -> list[str]:
    """Say what networks of others and baselines are, and what of them could not be had."""
    lines = dict.fromkeys(
        f"{title_of(it.name)}: {PEERS[it.name].about}; from {PEERS[it.name].origin}."
        for it in found
        if it.name in PEERS
    )
    baselines = dict.fromkeys(_of_baseline(it) for it in found if file_name(it.name).baseline)
    failed = [
        f"{title_of(it.name)}, {it.row.label}: {it.row.failure}." for it in found if it.row.failure
    ]
    unscored = [
        f"{name}, accuracy: {why}."
        for it in of_kind(results, Accuracy).values()
        for name, why in it.failures.items()
    ]
    return [*baselines, *lines, *failed, *unscored]


def _of_baseline(it: Rival) -> str:
    """Say how a baseline was trained; its card tells the rest."""
    about = f"{title_of(it.name)}: of the paper's Tables II and III, built here"
    if trained.trained_weights(it.name) is None:
        return f"{about}; no trained weights to score, its times are of any weights."
    card = f"../{trained.FOLDER.relative_to(ROOT).as_posix()}/{it.name}.md"
    return f"{about} and [trained here]({card})."
