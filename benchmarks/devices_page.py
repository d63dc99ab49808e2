"""The tables of docs/devices.md: agreement of places, arm64's departures, memory over an hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Results = Mapping[str, Mapping[str, Any]]


def agreement(results: Results) -> str:
    """How far maps in other places are from this machine's, by file; absent places with reason."""
    result = results.get("places_192")
    if result is None:
        return ""
    lines = [
        "| file | where | largest | mean | within 1 |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for row in result["rows"]:
        same = row["same_file"]
        cells = [f"`{row['model']}`", row["place"]]
        if same:
            cells += [str(same["max"]), f"{same['mean']:.3f}", f"{same['within_1']:.2%}"]
        else:
            cells += ["–", "–", row["why"] or "what the others are compared with"]
        lines.append(f"| {' | '.join(cells)} |")
    photos = len(result["protocol"]["photos"])
    return "\n".join([*lines, "", f"{photos} embedded photos; differences in steps of 1/255."])


def departures(results: Results) -> str:
    """Operations that come to other codes on arm64 although they were given the same ones."""
    result = results.get("departures_192")
    if result is None:
        return ""
    lines = [
        "| processor | operation | codes | differing | largest |",
        "| --- | --- |" + " ---: |" * 3,
    ]
    for processor, found in result["departures"].items():
        for it in found or [dict.fromkeys(("codes", "differing", "largest"), "–")]:
            name = f"{it['operation']} {it['number']}" if "operation" in it else "none"
            lines.append(
                f"| {processor} | {name} | {it['codes']} | {it['differing']} | {it['largest']} |"
            )
    name, count = result["model"]["name"], result["operations"]
    return "\n".join([*lines, "", f"`{name}`, {count} operations, {result['photos']} photos."])


def long_run(results: Results) -> str:
    """The preview's memory at the start and the end of an hour's worth of frames."""
    result = results.get("long_run")
    if result is None:
        return ""
    frames, megabytes = result["frames"], result["megabytes"]
    clip = result["clip"]
    return (
        f"{frames[-1]:,} frames of {clip['width']}×{clip['height']} in {result['seconds']:,.0f} s: "
        f"{megabytes[0]:.1f} MB after {frames[0]} frames, {megabytes[-1]:.1f} MB after all, "
        f"{result['growth']:+.3f} MB per 10,000 frames."
    )
