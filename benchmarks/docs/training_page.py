"""The tables of docs/training.md: what recipes differ in, and what the differences do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from benchmarks.results.training_kinds import Ablation, Throughput
from benchmarks.shared import tables
from samnet.training.ablation_table import AblationScores, markdown
from samnet.training.recipe import RECIPES, Phase, Recipe


def recipes(result: Ablation) -> str:
    """Show the fields in which presets differ, with their effects where measured."""
    rows = {row.key: row for row in result.rows if not row.failure}
    lines = [
        f"| | {' | '.join(f'`{name}`' for name in RECIPES)} | as in `paper`: max F, MAE |",
        "| --- " * (len(RECIPES) + 2) + "|",
    ]
    for field in dataclasses.fields(Recipe):
        values = [_text(getattr(recipe, field.name)) for recipe in RECIPES.values()]
        if len(set(values)) == 1:
            continue
        lines.append(f"| `{field.name}` | {' | '.join(values)} | {_effect(rows, field.name)} |")
    lines.append(f"| all of it | {'| ' * len(RECIPES)}| {_effect(rows, 'paper')} |")
    if modern := rows.get("modern"):
        protocol, phases = result.protocol, ", ".join(modern.settings["phases"])
        lines += [
            "",
            f"`modern` itself: max F {modern.max_F:.3f}, MAE {modern.MAE:.3f}, from scratch, on "
            f"{protocol.held_out} held-out pairs of {protocol.data} after {phases} "
            f"(pixels:epochs), one run of each with seed {protocol.seed}. Such short runs favor "
            "what learns fast; what averaging and a lower learning rate give in the end they do "
            "not show.",
        ]
    return "\n".join(lines)


def throughput(result: Throughput) -> str:
    """Tabulate photos per second of the plain loop and of ours."""
    rows = []
    for row in result.sizes:
        plain, ours = row.plain.photos_per_second, row.ours.photos_per_second
        rows.append([f"{row.size} px", f"{plain:.1f}", f"{ours:.1f}", f"{row.ratio:.2f}"])
    return tables.markdown(("input", "plain, photos/s", "ours, photos/s", "ratio"), rows)


def ablation(result: Ablation) -> str:
    """Show all rows of an ablation."""
    return markdown(result.rows, result.protocol, result.paper)


def _effect(rows: Mapping[str, AblationScores], key: str) -> str:
    if key not in rows or "modern" not in rows:
        return "–"
    row, modern = rows[key], rows["modern"]
    if row.max_F is None or row.MAE is None or modern.max_F is None or modern.MAE is None:
        return "–"
    return f"{row.max_F - modern.max_F:+.3f}, {row.MAE - modern.MAE:+.3f}"


def _text(value: Any) -> str:
    """Format a field's value, short enough for a cell."""
    if isinstance(value, tuple) and value and isinstance(value[0], Phase):
        return ", ".join(f"{phase.size}:{phase.epochs:g}" for phase in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        neutral = {"min_crop": 1.0}
        parts = [
            f"{name} {part:g}"
            for name, part in dataclasses.asdict(value).items()
            if part != neutral.get(name, 0.0)
        ]
        return ", ".join(parts) or "none"
    if isinstance(value, str):
        return value
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)
