"""Formats the result of an ablation as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

PAPER_SETS = ("ECSSD", "DUTS-TE")
"""The paper's figures that stand beside ours; the result file holds those of all its sets."""


@dataclasses.dataclass(frozen=True)
class AblationProtocol:
    """What all rows share.

    Args:
        scores: how they were computed.
        data: name of the training set.
        held_out: pairs of it that rows are scored on.
        multiply_adds_at: height and width in pixels at which they are counted.
        weights: which ones of a run.
        seed: of every run.
    """

    scores: str
    data: str
    held_out: int
    multiply_adds_at: int
    weights: str
    seed: int


@dataclasses.dataclass(frozen=True)
class AblationPaper:
    """Where the paper's figures come from, and what was assumed of its rows."""

    source: str
    figures: str
    assumptions: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class AblationScores:
    """A row's scores, cost and settings; None where it failed.

    Args:
        key: its number or name in the table.
        name: what it changes.
        paper: the paper's max F and MAE by data set.
        max_F: on the held-out pairs.
        MAE: likewise.
        photos: held-out pairs.
        size: pixels at which it was scored.
        parameters: learned ones.
        multiply_adds: of one photo.
        steps: of training.
        hours: of training.
        settings: all that decides its weights.
        failure: why it has no scores; empty where it has.
    """

    key: str
    name: str
    paper: dict[str, tuple[float, ...]]
    max_F: float | None = None
    MAE: float | None = None
    photos: int | None = None
    size: int | None = None
    parameters: int | None = None
    multiply_adds: int | None = None
    steps: int | None = None
    hours: float | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    failure: str = ""


def markdown(
    rows: Sequence[AblationScores], protocol: AblationProtocol, paper: AblationPaper | None = None
) -> str:
    """Show what ``samnet ablate`` found as a Markdown table, with what it rests on below."""
    with_paper = any(row.paper for row in rows)
    head = ["row", "", "parameters", "M multiply-adds", "max F", "MAE", "to the first"]
    if with_paper:
        head += [f"paper, {name}: max F / MAE" for name in PAPER_SETS]
    lines = [_line(head), "| --- | --- |" + " ---: |" * (len(head) - 2)]
    reference = rows[0].max_F
    for row in rows:
        cells = [row.key, row.name]
        if row.max_F is None or row.multiply_adds is None:
            cells += ["failed", *["–"] * 4]
        else:
            change = "–" if reference is None else f"{row.max_F - reference:+.3f}"
            cells += [f"{row.parameters:,}", f"{row.multiply_adds / 1e6:.1f}"]
            cells += [f"{row.max_F:.3f}", f"{row.MAE:.3f}", change]
        if with_paper:
            figures = (row.paper[name] for name in PAPER_SETS)
            cells += [f"{max_f:.3f} / {mae:.3f}" for max_f, mae in figures]
        lines.append(_line(cells))
    notes = [
        f"{protocol.held_out} held-out pairs of {protocol.data}, seed {protocol.seed}, "
        f"{protocol.weights}. Multiply-adds at {protocol.multiply_adds_at} px.",
        protocol.scores,
    ]
    if paper:
        notes += [f"{paper.source}: {paper.figures}.", *paper.assumptions]
    return "\n".join([*lines, "", *notes])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
