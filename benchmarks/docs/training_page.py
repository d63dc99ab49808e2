"""The tables of docs/training.md: what recipes differ in, and what the differences do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from benchmarks.shared import tables
from samnet.training.ablation_table import markdown
from samnet.training.recipe import RECIPES, Phase, Recipe

PENDING = "not measured yet"


def recipes(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Tabulate the fields in which presets differ, with their effects where they were measured.

    Args:
        results: by the name of their files; ``ablation_recipe`` is what ``samnet.ablate --table
            recipe`` wrote.
    """
    result = results.get("ablation_recipe", {"rows": []})
    rows = {row["key"]: row for row in result["rows"] if "max_F" in row}
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
    if "modern" in rows:
        protocol, settings = result["protocol"], rows["modern"]["settings"]
        lines += [
            "",
            f"`modern` itself: max F {rows['modern']['max_F']:.3f}, MAE "
            f"{rows['modern']['MAE']:.3f}, from scratch, on {protocol['held_out']} held-out pairs "
            f"of {protocol['data']} after {', '.join(settings['phases'])} (pixels:epochs), one "
            f"run of each with seed {protocol['seed']}. Such short runs favor what learns fast; "
            "what averaging and a lower learning rate give in the end they do not show.",
        ]
    return "\n".join(lines)


def throughput(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Tabulate photos per second of the plain loop and of ours."""
    result = results.get("throughput")
    if result is None:
        return PENDING
    rows = []
    for row in result["sizes"]:
        plain, ours = row["plain"]["photos_per_second"], row["ours"]["photos_per_second"]
        rows.append([f"{row['size']} px", f"{plain:.1f}", f"{ours:.1f}", f"{row['ratio']:.2f}"])
    return tables.markdown(("input", "plain, photos/s", "ours, photos/s", "ratio"), rows)


def ablation(results: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Render the table of an ablation, by the name of its result file."""
    result = results.get(name)
    return markdown(dict(result)) if result is not None else PENDING


def _effect(rows: Mapping[str, Mapping[str, Any]], key: str) -> str:
    if key not in rows or "modern" not in rows:
        return "–"
    row, modern = rows[key], rows["modern"]
    return f"{row['max_F'] - modern['max_F']:+.3f}, {row['MAE'] - modern['MAE']:+.3f}"


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
