"""Draws the curves of a run from its log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.files import replacing

SMOOTHING = 0.9
"""Decay of the running mean that is drawn over the losses."""


def draw_curves(records: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw losses, learning rate and scores of the held-out pairs over the steps.

    Args:
        records: lines of the log; each has ``step``, ``size``, ``lr``, ``loss`` and, where the run
            was validated, ``max_F`` and ``MAE``.
        path: the PNG to write; an older one is replaced.

    Raises:
        InputError: if it cannot be written.
    """
    from matplotlib.figure import Figure  # without pyplot no display is looked for

    figure = Figure(figsize=(8, 8), layout="constrained")
    losses, rates, scores = figure.subplots(3, 1, sharex=True)
    steps = [record["step"] for record in records]
    for name in ("loss", "saliency", "imitation"):
        values = [record.get(name) for record in records]
        if None not in values:
            (line,) = losses.plot(steps, values, alpha=0.25)
            losses.plot(steps, _smooth(values), color=line.get_color(), label=name)
    losses.set(ylabel="training loss", yscale="log")
    losses.legend()
    rates.plot(steps, [record["lr"] for record in records], label="learning rate")
    rates.set(ylabel="learning rate")
    sizes = rates.twinx()
    sizes.step(steps, [record["size"] for record in records], "C1", where="post")
    sizes.set_ylabel("input, pixels", color="C1")
    sizes.set_ylim(bottom=0)
    validated = [record for record in records if "max_F" in record]
    at = [record["step"] for record in validated]
    scores.plot(at, [record["max_F"] for record in validated], "o-", label="max F")
    scores.set(xlabel="step", ylabel="max F, held out")
    errors = scores.twinx()
    errors.plot(at, [record["MAE"] for record in validated], "C1s-")
    errors.set_ylabel("MAE, held out", color="C1")
    for axes in (losses, rates, scores):
        axes.grid(alpha=0.3)
    with replacing(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=100)


def _smooth(values: Sequence[Any]) -> list[float]:
    mean, smoothed = float(values[0]), []
    for value in values:
        mean = SMOOTHING * mean + (1 - SMOOTHING) * float(value)
        smoothed.append(mean)
    return smoothed
