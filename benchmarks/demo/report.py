"""The demo's report: a comparison as one HTML file with everything it shows inside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.demo.comparison import Comparison, Row
from benchmarks.demo.gallery import scenes
from benchmarks.demo.steps import Step
from benchmarks.shared import html as page
from benchmarks.shared.html import Change, ratio
from benchmarks.shared.timing import Protocol
from common.files import replacing
from edge_apps.recommendation import core


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report shows.

    Args:
        title: its headline.
        summary: a sentence or two under it.
        comparison: the figures and maps.
        steps: how the artifacts were made.
        protocol: how latencies were taken.
        notes: sentences on how the other figures were taken, and whose the photos are.
        environment: of the measurement, as :func:`common.result_file.environment` gives it.
    """

    title: str
    summary: str
    comparison: Comparison
    steps: tuple[Step, ...]
    protocol: Protocol
    notes: tuple[str, ...]
    environment: dict[str, Any]


def write_report(path: Path, report: Report) -> None:
    """Write ``report`` to ``path``, replacing what stood there."""
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(render(report), encoding="utf-8")


def render(report: Report) -> str:
    """Render the report as HTML without any reference to another file."""
    rows = report.comparison.rows
    return page.render(
        "demo.html",
        title=report.title,
        summary=report.summary,
        report=report,
        rows=rows,
        changes=changes(rows, timed=report.protocol.usable),
        explanation=explanation(
            rows, report.environment["cpu_features"], timed=report.protocol.usable
        ),
        scenes=scenes(report.comparison),
        slowest=max((row.latency.median for row in rows if row.latency), default=1.0),
        largest=max(row.candidate.megabytes for row in rows),
        seconds=sum(step.seconds for step in report.steps),
    )


def changes(rows: tuple[Row, ...], *, timed: bool = True) -> list[Change]:
    """Say what int8 changes in the first format that has both precisions; empty if none has.

    Args:
        rows: all forms.
        timed: whether their latencies can be compared.
    """
    pair = next(_pairs(rows), None)
    return _changes(*pair, timed) if pair else []


def explanation(rows: tuple[Row, ...], features: Sequence[str], *, timed: bool = True) -> str:
    """Explain by the processor what int8 does to the latencies of the table.

    Args:
        rows: all forms.
        features: instruction sets of the processor that they ran on.
        timed: whether their latencies can be compared.
    """
    shares = [
        f"{low.latency.minimum / high.latency.minimum:.2f} of {high.candidate.label}'s time in "
        f"{low.candidate.label}"
        for high, low in _pairs(rows)
        if timed and high.latency and low.latency
    ]
    found = core(features)
    about = f"What is known of {found.name}: {found.reason}. Run {found.precision} there."
    return f"Best runs here: {', '.join(shares)}. {about}" if shares else about


def _pairs(rows: tuple[Row, ...]) -> Iterator[tuple[Row, Row]]:
    """Pair the float32 with the int8 form of each format."""
    for low in rows:
        for high in rows:
            pair = (high.candidate.precision, low.candidate.precision)
            if high.candidate.format == low.candidate.format and pair == ("fp32", "int8"):
                yield high, low


def _changes(high: Row, low: Row, timed: bool) -> list[Change]:
    kind = low.candidate.format
    size = (high.candidate.megabytes, low.candidate.megabytes)
    found = [Change(f"Size of the {kind}", f"{size[0]:.1f}", f"{size[1]:.1f}", "MB", ratio(*size))]
    if timed and high.latency and low.latency:
        times = (high.latency.minimum, low.latency.minimum)
        remark = ratio(*times, less="faster", more="slower")
        found.append(
            Change("Latency, best run", f"{times[0]:.1f}", f"{times[1]:.1f}", "ms", remark)
        )
    gain = f"{low.max_f - high.max_f:+.3f} by int8".replace("-", "−")
    found.append(Change("max F", f"{high.max_f:.3f}", f"{low.max_f:.3f}", "", gain))
    if high.agreement and low.agreement:
        found.append(
            Change(
                "Mean difference from PyTorch",
                f"{high.agreement.mean:.2f}",
                f"{low.agreement.mean:.2f}",
                "of 255",
                f"{low.agreement.decided:.1%} of pixels decided alike",
            )
        )
    return found
