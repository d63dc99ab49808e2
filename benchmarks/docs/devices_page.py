"""The blocks of docs/devices.md: agreement, rounding, memory, start-up, tests on devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.shared.tables import markdown
from benchmarks.shared.timing import QUIET

Results = Mapping[str, Mapping[str, Any]]


def agreement(results: Results) -> str:
    """Tabulate how far maps in other places are from this machine's, by file."""
    result = results.get("places_192")
    if result is None:
        return ""
    rows = []
    for row in result["rows"]:
        same = row["same_file"]
        cells = [f"`{row['model']}`", row["place"]]
        if same:
            cells += [str(same["max"]), f"{same['mean']:.3f}", f"{same['within_1']:.2%}"]
        else:
            cells += ["–", "–", row["why"] or "what the others are compared with"]
        rows.append(cells)
    photos = len(result["protocol"]["photos"])
    table = markdown(("file", "where", "largest", "mean", "within 1"), rows, words=2)
    return f"{table}\n\n{photos} embedded photos; differences in steps of 1/255."


def rounding_differences(results: Results) -> str:
    """List operations that come to other codes on arm64 although they were given the same ones."""
    result = results.get("departures_192")
    if result is None:
        return ""
    figures = ("codes", "differing", "largest")
    rows = []
    for processor, found in result["departures"].items():
        for it in found or [dict.fromkeys(figures, "–")]:
            name = f"{it['operation']} {it['number']}" if "operation" in it else "none"
            rows.append([processor, name, *(str(it[figure]) for figure in figures)])
    table = markdown(("processor", "operation", *figures), rows, words=2)
    name, count = result["model"]["name"], result["operations"]
    return f"{table}\n\n`{name}`, {count} operations, {result['photos']} photos."


def long_run(results: Results) -> str:
    """Say what memory the preview takes at the start and the end of an hour's worth of frames."""
    result = results.get("long_run")
    if result is None:
        return ""
    frames, megabytes = result["frames"], result["megabytes"]
    clip = result["clip"]
    return (
        f"{frames[-1]:,} frames of {clip['width']}×{clip['height']}: "
        f"{megabytes[0]:.1f} MB after {frames[0]} frames, {megabytes[-1]:.1f} MB after all, "
        f"{result['growth']:+.3f} MB per 10,000 frames."
    )


def start(results: Results) -> str:
    """Say how long the desktop's program takes to its first map, and what it loads."""
    result = results.get("start")
    if result is None:
        return ""
    packages = ", ".join(f"{name} {taken:.2f}" for name, taken in result["packages"].items())
    text = (
        "Start to first map: {median:.2f} s in the median of {count} new processes, {minimum:.2f} "
        "to {maximum:.2f} s; `{model}`, files in the system's cache. Imports of {modules} modules "
        "take {imports:.2f} s of it ({packages}), none of them torch."
    ).format(
        **result["seconds"],
        count=result["repetitions"],
        model=result["model"]["name"],
        modules=result["modules"],
        imports=result["import_seconds"],
        packages=packages,
    )
    if result["running"] < QUIET:
        text += f" Other work ran beside them: they had a core {result['running']:.0%} of the time."
    return text


def board(results: Results) -> str:
    """Say what was seen on a booted Raspberry Pi 3, by tests/edge_apps/test_board.py."""
    result = results.get("board")
    if result is None:
        return ""
    name, found = result["model"]["name"], result["agreement"]
    return (
        f"{_transcript(result['lines'])}\n\n"
        f"`{name}`, {result['frames']} frames, compared with this machine's maps "
        f"of the same frames: at most {found['max']} of 255 away, {found['mean']:.3f} on average, "
        f"{found['within_1']:.2%} of pixels within 1."
    )


def android(results: Results) -> str:
    """Say what was seen through adb, by tests/edge_apps/test_android_device.py."""
    result = results.get("android")
    if result is None:
        return ""
    rows = [
        [it["photo"], str(same["max"]), f"{same['mean']:.3f}", f"{same['within_1']:.2%}"]
        for it in result["photos"]
        for same in [it["agreement"]]
    ]
    table = markdown(("photo", "largest", "mean", "within 1"), rows)
    return f"{_transcript(result['lines'])}\n\n{table}"


def _transcript(lines: Sequence[str]) -> str:
    return "\n".join(["```", *lines, "```"])
