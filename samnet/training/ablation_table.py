"""Formats the result of an ablation as a table."""

from __future__ import annotations

from typing import Any

PAPER_SETS = ("ECSSD", "DUTS-TE")
"""The paper's figures that stand beside ours; the result file holds those of all its sets."""


def markdown(result: dict[str, Any]) -> str:
    """Format what ``samnet.ablate`` wrote as a Markdown table, with what it rests on below."""
    rows = result["rows"]
    with_paper = any(row["paper"] for row in rows)
    head = ["row", "", "parameters", "M multiply-adds", "max F", "MAE", "to the first"]
    if with_paper:
        head += [f"paper, {name}: max F / MAE" for name in PAPER_SETS]
    lines = [_line(head), "| --- | --- |" + " ---: |" * (len(head) - 2)]
    reference = rows[0].get("max_F")
    for row in rows:
        cells = [row["key"], row["name"]]
        if "failure" in row:
            cells += ["failed", *["–"] * 4]
        else:
            change = "–" if reference is None else f"{row['max_F'] - reference:+.3f}"
            cells += [f"{row['parameters']:,}", f"{row['multiply_adds'] / 1e6:.1f}"]
            cells += [f"{row['max_F']:.3f}", f"{row['MAE']:.3f}", change]
        if with_paper:
            figures = (row["paper"][name] for name in PAPER_SETS)
            cells += [f"{max_f:.3f} / {mae:.3f}" for max_f, mae in figures]
        lines.append(_line(cells))
    protocol = result["protocol"]
    notes = [
        f"{protocol['held_out']} held-out pairs of {protocol['data']}, seed {protocol['seed']}, "
        f"{protocol['weights']}. Multiply-adds at {protocol['multiply_adds_at']} px.",
        protocol["scores"],
    ]
    if "paper" in result:
        notes += [f"{result['paper']['source']}: {result['paper']['figures']}."]
        notes += result["paper"]["assumptions"]
    return "\n".join([*lines, "", *notes])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
