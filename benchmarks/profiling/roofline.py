"""Roofline picture: attained speed of each stage against its arithmetic intensity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmarks.profiling.machine_limits import MachineLimits
    from benchmarks.profiling.operation_cost import OperationCost
    from benchmarks.profiling.operation_times import Profile, Timed

SHADES = ("#440154", "#3b528b", "#21918c", "#5ec962", "#c9b21d")
"""Of the encoder's stages, shallow to deep."""

OTHERS = {"decoder": "#d1495b", "pyramid": "#8c564b", "head": "#f08a24"}
"""Of what follows the encoder, by the first part of a module's name."""

LEFT, RIGHT = 0.05, 120.0
"""Multiply-adds per byte, the ends of the axis."""

LOWEST = 4.0
"""Microseconds; of what is faster, too much was rounded away by the runtime's clock."""


def plot(
    path: Path,
    profiles: Sequence[Profile],
    machine_limits: MachineLimits,
    *,
    overwrite: bool = False,
) -> None:
    """Draw one panel a profile; a small mark is an operation, a large one a stage's products.

    Raises:
        InputError: if the file exists and may not be overwritten, or cannot be written.
    """
    from matplotlib.figure import Figure

    with replacing(path, overwrite=overwrite) as temporary:
        figure = Figure(figsize=(7.5 * len(profiles), 6.5), layout="constrained")
        panels = figure.subplots(1, len(profiles), squeeze=False, sharex=True, sharey=True)[0]
        for panel, profile in zip(panels, profiles, strict=True):
            _roofs(panel, machine_limits, profile.precision)
            _operations(panel, profile)
            _stages(panel, profile)
            panel.set_title(
                f"{Path(profile.file).name}, {profile.engine}: {profile.microseconds / 1000:.1f} ms"
            )
            panel.set_xlabel("multiply-adds per byte of weights, inputs and output")
        panels[0].set_ylabel("G multiply-adds per second, one core")
        panels[0].set_xlim(LEFT, RIGHT)
        panels[0].set_ylim(0.3, 1.6 * max(machine_limits.products.values()) / 1e9)
        panels[-1].legend(*_legend(), loc="lower right", fontsize=8, framealpha=0.9)
        figure.savefig(temporary, dpi=110)


def _roofs(panel: Axes, machine_limits: MachineLimits, precision: str) -> None:
    x = np.logspace(-1.5, 2.7, 200)
    bounding = machine_limits.arithmetic(precision)
    for name, peak in machine_limits.products.items():
        own = name == bounding
        color = "#222222" if own else "#bbbbbb"
        roof = np.minimum(peak, x * machine_limits.cache) / 1e9
        panel.plot(x, roof, lw=1.8 if own else 1, color=color, zorder=1)
        label = f"{name}: {peak / 1e9:.0f} G/s"
        panel.text(0.9 * RIGHT, peak / 1e9 * 1.05, label, ha="right", fontsize=8, color=color)
    own_peak = machine_limits.products[bounding]
    slow = np.minimum(own_peak, x * machine_limits.memory) / 1e9
    panel.plot(x, slow, ls="--", lw=1, color="#222222", zorder=1)
    high = 0.8 * own_peak
    label = f"cache: {machine_limits.cache / 1e9:.0f} GB/s"
    panel.text(0.85 * high / machine_limits.cache, high / 1e9, label, ha="right", fontsize=8)
    label = f"memory: {machine_limits.memory / 1e9:.0f} GB/s"
    panel.text(1.1 * LEFT, 0.6 * LEFT * machine_limits.memory / 1e9, label, fontsize=8)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.grid(which="major", color="#e8e8e8", lw=0.7)
    panel.set_axisbelow(True)


def _operations(panel: Axes, profile: Profile) -> None:
    for it in profile.operations:
        if it.work is None or not it.work.operations or it.microseconds < LOWEST:
            continue
        x, y = it.work.operations / it.work.bytes, it.work.operations / it.microseconds / 1e3
        color, product = _color(it), it.work.multiply_adds > 0
        panel.scatter(
            *(x, y, 4 + 0.8 * it.microseconds),
            marker=_marker(it),
            facecolors=color if product else "none",
            edgecolors=color,
            alpha=0.55,
            lw=0.8,
            zorder=2,
        )


def _stages(panel: Axes, profile: Profile) -> None:
    """Sum all products of each stage of the encoder to a numbered mark."""
    stages: dict[int, list[tuple[float, OperationCost]]] = {}
    for it in profile.operations:
        stage = _stage(it)
        if stage is not None and it.work is not None and it.work.multiply_adds:
            stages.setdefault(stage, []).append((it.microseconds, it.work))
    for stage, members in stages.items():
        spent = sum(microseconds for microseconds, _ in members)
        madds = sum(work.multiply_adds for _, work in members)
        x, y = madds / sum(work.bytes for _, work in members), madds / max(spent, LOWEST) / 1e3
        panel.scatter(
            x, y, s=230, marker="D", color=SHADES[stage], edgecolors="white", lw=1.4, zorder=4
        )
        panel.text(
            *(x, y, str(stage)),
            ha="center",
            va="center",
            color="white",
            fontsize=9,
            weight="bold",
            zorder=5,
        )


def _stage(it: Timed) -> int | None:
    """Return the number of the encoder's stage that an operation belongs to."""
    parts = (it.module or "").split(".")
    return int(parts[2]) if parts[:2] == ["encoder", "stages"] else None


def _color(it: Timed) -> str:
    stage = _stage(it)
    if stage is not None:
        return SHADES[stage]
    return OTHERS.get((it.module or "").partition(".")[0], "#777777")


def _marker(it: Timed) -> str:
    return {"pointwise": "o", "convolution": "P", "depthwise": "s"}.get(it.kind, "^")


def _legend() -> tuple[list[object], list[str]]:
    from matplotlib.lines import Line2D

    def mark(marker: str, color: str, fill: str | None = None) -> Line2D:
        return Line2D(
            [], [], ls="", marker=marker, color=color, markerfacecolor=fill or color, ms=7
        )

    entries = [
        *((mark("o", shade), f"encoder.stages.{i}") for i, shade in enumerate(SHADES)),
        *((mark("o", shade), name) for name, shade in OTHERS.items()),
        (mark("o", "#777777"), "interface, output"),
        (mark("D", "#444444"), "all products of encoder.stages.N"),
        (mark("o", "#444444"), "1×1 convolution or matrix product"),
        (mark("s", "#444444"), "depthwise convolution"),
        (mark("P", "#444444"), "3×3 convolution"),
        (mark("^", "#444444", "none"), "no product: one operation a value"),
    ]
    return [entry[0] for entry in entries], [entry[1] for entry in entries]
