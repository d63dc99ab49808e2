"""Draws a sensitivity ranking."""

from __future__ import annotations

from pathlib import Path

from common.errors import InputError
from common.files import replacing
from quantize.module_ranking import Ranking

LOSS, GAIN = "#b5472f", "#33658a"


def draw(ranking: Ranking, title: str, path: Path, *, overwrite: bool = False) -> None:
    """Draw ranked horizontal bars: signal-to-noise on the left, change of max F on the right.

    Args:
        ranking: the modules.
        title: stands above both.
        path: its suffix names the format.
        overwrite: whether it may exist.

    Raises:
        InputError: if the file cannot be written, or its suffix is none that can be drawn.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.6 + 0.24 * len(ranking.rows)), layout="constrained")
    if path.suffix[1:].lower() not in figure.canvas.get_supported_filetypes():
        raise InputError(f"{path}: cannot draw a {path.suffix or 'file without suffix'}; use .png")
    figure.suptitle(title)
    noise, change = figure.subplots(1, 2, sharey=True)
    names = [row.module for row in ranking.rows]
    places = range(len(names))
    noise.barh(places, [row.only.snr for row in ranking.rows], color=GAIN)
    noise.axvline(ranking.whole.snr, color=LOSS, linestyle="--", label="everything quantized")
    noise.set(xlabel="signal to noise of the map, dB; only this module quantized")
    noise.set_yticks(places, names, fontsize=8)
    noise.invert_yaxis()
    height = 0.4
    for offset, label, color, values in (
        (-height / 2, "only this one quantized", GAIN, [r.only.max_F for r in ranking.rows]),
        (height / 2, "all but this one", LOSS, [r.but.max_F for r in ranking.rows]),
    ):
        change.barh([i + offset for i in places], values, height, color=color, label=label)
    change.axvline(0, color="black", linewidth=0.8)
    change.set(xlabel="change of max F against float")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    for axes in (noise, change):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.3)
    with replacing(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, dpi=110)
