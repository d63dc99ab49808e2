"""The blocks of docs/devices.md: agreement, memory, start-up, tests on devices."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.device_kinds import (
    Android,
    Board,
    LongRun,
    PlaceAgreement,
    Start,
)
from benchmarks.shared.tables import MISSING, markdown
from benchmarks.shared.timing import QUIET
from common.map_difference import Agreement


def agreement(result: PlaceAgreement) -> str:
    """Tabulate how far maps in other places are from this machine's, by file."""
    rows = []
    for row in result.rows:
        cells = [MISSING, MISSING, row.why or "what the others are compared with"]
        if row.same_file:
            cells = _agreement(row.same_file)
        rows.append([f"`{row.model}`", row.place, *cells])
    table = markdown(("file", "where", "largest", "mean", "within 1"), rows, words=2)
    count = len(result.protocol.photos)
    return f"{table}\n\n{count} embedded photos; differences in steps of 1/255."


def long_run(result: LongRun) -> str:
    """Say what memory the preview takes at the start and the end of an hour's worth of frames."""
    frames, megabytes, clip = result.frames, result.megabytes, result.clip
    return (
        f"{frames[-1]:,} frames of {clip.width}×{clip.height}: "
        f"{megabytes[0]:.1f} MB after {frames[0]} frames, {megabytes[-1]:.1f} MB after all, "
        f"{result.growth:+.3f} MB per 10,000 frames."
    )


def start(result: Start) -> str:
    """Say how long the desktop's program takes to its first map, and what it loads."""
    packages = ", ".join(f"{name} {taken:.2f}" for name, taken in result.packages.items())
    seconds = result.seconds
    text = (
        f"Start to first map: {seconds.median:.2f} s in the median of {result.repetitions} new "
        f"processes, {seconds.minimum:.2f} to {seconds.maximum:.2f} s; `{result.model}`, files in "
        f"the system's cache. Imports of {result.modules} modules take "
        f"{result.import_seconds:.2f} s of it ({packages}), none of them torch. On "
        f"{result.environment.machine}."
    )
    if result.running < QUIET:
        text += f" Other work ran beside them: they had a core {result.running:.0%} of the time."
    return text


def board(result: Board) -> str:
    """Say what was seen on a booted Raspberry Pi 3, by tests/edge_apps/test_board.py."""
    found = result.agreement
    return (
        f"{_transcript(result.lines)}\n\n"
        f"`{result.model}`, {result.frames} frames, compared with this machine's maps "
        f"of the same frames: at most {found.max} of 255 away, {found.mean:.3f} on average, "
        f"{found.within_1:.2%} of pixels within 1."
    )


def android(result: Android) -> str:
    """Say what was seen through adb, by tests/edge_apps/test_android_device.py."""
    rows = [[it.photo, *_agreement(it.agreement)] for it in result.photos]
    table = markdown(("photo", "largest", "mean", "within 1"), rows)
    return f"{_transcript(result.lines)}\n\n{table}"


def _agreement(found: Agreement) -> list[str]:
    return [str(found.max), f"{found.mean:.3f}", f"{found.within_1:.2%}"]


def _transcript(lines: Sequence[str]) -> str:
    return "\n".join(["```", *lines, "```"])
