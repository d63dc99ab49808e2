"""The runs of an ablation: which training options each one changes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from common.errors import InputError
from samnet.training.options import TrainOptions, recipe_of
from samnet.training.recipe import RECIPES, Phase, Recipe

ABLATIONS = Path(__file__).parents[1] / "data" / "ablations.json"
"""Tables IV and V of the paper: figures, and the options that make each row."""

Table = Literal["IV", "V", "recipe", "lite"]

BASE, OTHER = "modern", "paper"
"""Presets that the table of recipes compares."""

IMAGENET = "6"
"""The row of Table IV that starts from ImageNet weights."""

FILES = ("teacher", "backbone", "init")
"""Options of training whose files the recipe ``paper`` does without here."""

OPTIONS = frozenset(field.name for field in dataclasses.fields(TrainOptions))


@dataclasses.dataclass(frozen=True)
class AblationRow:
    """One line of a table.

    Args:
        key: names its folder; unique in the table.
        name: says what it is.
        options: fields of :class:`TrainOptions` that make it; ``width`` multiplies the one given,
            ``replace`` follows the ones given, all others take their place.
        paper: the paper's max F and MAE by data set; empty where it has none.
    """

    key: str
    name: str
    options: Mapping[str, Any]
    paper: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)

    def apply(self, options: TrainOptions) -> dict[str, Any]:
        """Return the options of training that differ from the ones given."""
        changes = dict(self.options)
        if "width" in changes and options.width is not None:
            changes["width"] *= options.width
        if "replace" in changes:
            changes["replace"] = (*options.replace, *changes["replace"])
        return changes


def paper_rows(table: Literal["IV", "V"]) -> list[AblationRow]:
    """Build the rows of Table IV or V."""
    document = json.loads(ABLATIONS.read_text(encoding="utf-8"))
    return [
        AblationRow(
            row["key"],
            row["name"],
            {name: _frozen(value) for name, value in row["options"].items()},
            {name: (max_f, mae) for name, (max_f, mae) in row["paper"].items()},
        )
        for row in document["tables"][table]["rows"]
    ]


def lite_rows() -> list[AblationRow]:
    """Build samnet-lite, then it with one choice changed, of the network or of its recipe."""
    first = {"model": "samnet-lite", "preset": "finetune"}
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("lite", "samnet-lite", {}),
        ("sums", "SAM modules that sum their branches", {"attention": "none"}),
        ("softmax", "softmax in place of gates", {"attention": "softmax"}),
        ("deepest", "a SAM module at stride 32 alone", {"module_strides": (32,)}),
        ("no-modules", "no SAM module", {"module_strides": ()}),
        ("narrow", "decoder widths 24, 32, 48, 64", {"decoder_widths": (24, 32, 48, 64)}),
        ("whole", "no stage frozen", {"replace": ("frozen_stages=0",)}),
        ("ssim", "loss with structure", {"replace": ("loss=bce+iou+ssim",)}),
        ("dice", "Dice in place of IoU", {"replace": ("loss=bce+dice",)}),
    ]
    return [AblationRow(key, name, first | change) for key, name, change in changes]


def recipe_rows(base: Recipe | None = None) -> list[AblationRow]:
    """Build a recipe, then it with one field at a time as in ``paper``, then with all of them.

    Every field that differs gives a row, so new ones appear by themselves. All rows see as many
    pixels: one size in place of several is the largest, for fewer epochs.

    Args:
        base: base of the first row; None for the preset ``modern``.
    """
    base = base or RECIPES[BASE]
    first = {"preset": BASE, "phases": _texts(base.phases)}
    rows, all_changes = [], dict[str, Any](replace=())
    for field in dataclasses.fields(Recipe):
        before, after = getattr(base, field.name), getattr(RECIPES[OTHER], field.name)
        if field.name == "phases":
            if len({phase.size for phase in before}) == 1:
                continue
            name = f"one size, {max(phase.size for phase in before)} px"
            changes: dict[str, Any] = {"phases": _texts(one_size(before))}
        elif before == after:
            continue
        else:
            name = _difference(field.name, before, after)
            changes = {"replace": (f"{field.name}={_text(after)}",)}
            if field.name in OPTIONS:
                changes[field.name] = None  # an option of its own would win over ``replace``
            if field.name == "scales":
                share = _area(before) / _area(after)
                changes["phases"] = _texts([_longer(phase, share) for phase in base.phases])
        rows.append(AblationRow(field.name, name, first | changes))
        replace = (*all_changes["replace"], *changes.pop("replace", ()))
        all_changes |= changes | {"replace": replace}
    share = _area(base.scales) / _area(RECIPES[OTHER].scales)
    all_changes["phases"] = _texts([_longer(phase, share) for phase in one_size(base.phases)])
    return [
        AblationRow("modern", "modern", first),
        *rows,
        AblationRow("paper", "paper", first | all_changes),
    ]


def table_rows(
    table: Table, options: TrainOptions, keys: Sequence[str] | None = None
) -> list[AblationRow]:
    """Return the rows to run.

    Args:
        table: which one.
        options: options of training that all rows share.
        keys: keys of the rows to run; None for all that can be run.

    Raises:
        InputError: for unknown keys, or row 6 of Table IV without a backbone.
    """
    if table == "recipe":
        rows = _recipe_table(options)
    else:
        rows = lite_rows() if table == "lite" else paper_rows(table)
    if table == "IV":
        # Only row 6 starts from ImageNet.
        rows = [
            row if row.key == IMAGENET else _with(row, {"backbone": None})
            for row in rows
            if row.key != IMAGENET or options.backbone is not None
        ]
    known = {row.key: row for row in rows}
    if unknown := [key for key in keys or () if key not in known]:
        hint = "; row 6 needs --backbone FILE" if table == "IV" and IMAGENET in unknown else ""
        raise InputError(
            f"table {table} has no row {', '.join(unknown)}; use {', '.join(known)}{hint}"
        )
    return [known[key] for key in keys] if keys else rows


def _recipe_table(options: TrainOptions) -> list[AblationRow]:
    """Build the rows of recipes, with one without each file that training is given."""
    base = recipe_of(dataclasses.replace(options, preset=BASE))
    first, *rows, last = recipe_rows(base)
    without = {name: None for name in FILES if getattr(options, name) is not None}
    rows += [_with(first, {name: None}, name, f"no {name}") for name in without]
    return [first, *rows, _with(last, without)]


def _with(row: AblationRow, changes: dict[str, Any], key: str = "", name: str = "") -> AblationRow:
    return AblationRow(key or row.key, name or row.name, {**row.options, **changes}, row.paper)


def one_size(phases: Sequence[Phase]) -> tuple[Phase]:
    """Replace the phases by one at the largest size with as many pixels."""
    size = max(phase.size for phase in phases)
    pixels = sum(phase.epochs * phase.size**2 for phase in phases)
    return (Phase(size, round(pixels / size**2, 3)),)


def _longer(phase: Phase, share: float) -> Phase:
    return Phase(phase.size, round(phase.epochs * share, 3))


def _area(scales: Sequence[float]) -> float:
    """Sum the pixels at some scales, as a multiple of those at scale 1."""
    return sum(scale**2 for scale in scales) / len(scales)


def _texts(phases: Sequence[Phase]) -> tuple[str, ...]:
    return tuple(f"{phase.size}:{phase.epochs:g}" for phase in phases)


def _text(value: Any) -> str:
    """Write a value as ``NAME=VALUE`` takes it."""
    if isinstance(value, str):
        return value
    return json.dumps(dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value)  # type: ignore[arg-type]


def _difference(name: str, before: Any, after: Any) -> str:
    """Say what a row changes; of nested values only the parts that differ."""
    if dataclasses.is_dataclass(before) and not isinstance(before, type):
        parts = [
            f"{part.name} {_text(getattr(after, part.name))}"
            for part in dataclasses.fields(before)
            if getattr(before, part.name) != getattr(after, part.name)
        ]
        return f"{name}: {', '.join(parts)}"
    return f"{name} {_text(after)} in place of {_text(before)}"


def _frozen(value: Any) -> Any:
    """Turn lists of JSON into the tuples that options are made of."""
    return tuple(value) if isinstance(value, list) else value
