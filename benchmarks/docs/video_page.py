"""The tables of docs/video.md: what steadying changes, and the time of each stage."""

from __future__ import annotations

from benchmarks.results.device_kinds import Stages, Steadiness, SteadinessRow
from benchmarks.shared.tables import markdown

NAMES = {
    "all": "all {}",
    "chosen on": "{} that the settings were chosen on",
    "others": "the other {}",
}
"""How the page calls groups of sequences."""


def steadiness(result: Steadiness) -> str:
    """Show flicker and accuracy of each group of sequences, plain and steadied."""
    rows = [
        [NAMES[row.name].format(row.sequences), str(row.frames), *_changes(row)]
        for row in result.summaries
    ]
    head = ["sequences", "frames", "flicker, %", "max F", "MAE"]
    about = f"`{result.model}`, {result.protocol['maps']} maps."
    filtering = f"The filter takes {result.filter_ms['median']:.2f} ms a frame in the median."
    return f"{markdown(head, rows)}\n\n{about} {filtering}"


def stages(result: Stages) -> str:
    """Show milliseconds of processor time by stage, a row a size of frames."""
    names = list(result.sizes[0].ms)
    rows = []
    for it in result.sizes:
        times = [it.ms[name].median for name in names]
        cells = [*(f"{time:.1f}" for time in times), f"{1000 / sum(times):.0f}"]
        rows.append([f"{it.size[0]} × {it.size[1]}", *cells])
    table = markdown(["frames", *names, "frames/s"], rows)
    return f"{table}\n\nOn {result.environment.machine}."


def _changes(row: SteadinessRow) -> list[str]:
    both = [f"{row.flicker['plain']:.3f} → {row.flicker['steady']:.3f}"]
    for figure in ("max_F", "MAE"):
        values = [row.accuracy[way][figure] for way in ("plain", "steady") if row.accuracy]
        both.append(" → ".join(f"{value:.4f}" for value in values) or "–")
    return both
