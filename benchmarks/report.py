"""A comparison as one HTML file that holds everything it shows."""

from __future__ import annotations

import base64
import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.comparison import Bytes, Comparison, Row
from benchmarks.latency import Protocol
from benchmarks.steps import Step
from edge_apps.files import replacing
from edge_apps.photos import overlay, resize_map, resize_photo

SHOWN = 420
"""Longest side of a picture in the report in pixels; figures are computed at full size."""

SATURATION = 32
"""Difference of grey values, of 255, that is shown in full colour."""

HIGHER, LOWER = (178, 24, 43), (33, 102, 172)
"""RGB colours of pixels that are more, or less, salient than in the reference."""

TEMPLATES = Path(__file__).parent / "templates"


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report shows.

    Args:
        title: its headline.
        summary: a sentence or two under it.
        comparison: the figures and maps.
        steps: how the artefacts were made.
        protocol: how latencies were taken.
        notes: sentences on how the other figures were taken, and credits.
        environment: of the measurement, as :func:`samnet.results.environment` gives it.
    """

    title: str
    summary: str
    comparison: Comparison
    steps: tuple[Step, ...]
    protocol: Protocol
    notes: tuple[str, ...]
    environment: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Change:
    """A figure before and after quantisation, for the head of the report."""

    name: str
    before: str
    after: str
    unit: str
    remark: str


def write_report(path: Path, report: Report) -> None:
    """Writes ``report`` to ``path``, replacing what stood there."""
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(render(report), encoding="utf-8")


def render(report: Report) -> str:
    """The report as HTML without any reference to another file."""
    import jinja2

    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = report.comparison.rows
    return environment.get_template("report.html").render(
        report=report,
        rows=rows,
        changes=changes(rows),
        scenes=[_scene(report.comparison, k) for k in range(len(report.comparison.scenes))],
        slowest=max((row.latency.median for row in rows if row.latency), default=1.0),
        largest=max(row.candidate.megabytes for row in rows),
        seconds=sum(step.seconds for step in report.steps),
        saturation=SATURATION,
        higher=_css(HIGHER),
        lower=_css(LOWER),
    )


def changes(rows: tuple[Row, ...]) -> list[Change]:
    """What int8 changes in the first format that has both precisions; empty if none has."""
    for low in rows:
        for high in rows:
            pair = (high.candidate.precision, low.candidate.precision)
            if high.candidate.format == low.candidate.format and pair == ("fp32", "int8"):
                return _changes(high, low)
    return []


def difference(map: Bytes, reference: Bytes) -> Bytes:
    """Colours the signed difference of two maps (H, W): red is more salient, blue is less.

    Returns:
        RGB, (H, W, 3) uint8.
    """
    delta = (map.astype(np.float32) - reference.astype(np.float32))[..., None]
    strength = np.clip(np.abs(delta) / SATURATION, 0, 1)
    colour = np.where(delta > 0, np.array(HIGHER, np.float32), np.array(LOWER, np.float32))
    return (255 * (1 - strength) + colour * strength + 0.5).astype(np.uint8)


def _changes(high: Row, low: Row) -> list[Change]:
    kind = low.candidate.format
    size = (high.candidate.megabytes, low.candidate.megabytes)
    found = [Change(f"Size of the {kind}", f"{size[0]:.1f}", f"{size[1]:.1f}", "MB", _ratio(*size))]
    if high.latency and low.latency:
        times = (high.latency.minimum, low.latency.minimum)
        remark = _ratio(*times, less="faster", more="slower")
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


def _ratio(before: float, after: float, less: str = "smaller", more: str = "larger") -> str:
    word, factor = (less, before / after) if after <= before else (more, after / before)
    return f"{factor:.1f} times {word}"


def _scene(comparison: Comparison, index: int) -> dict[str, Any]:
    """Pictures and figures of one photo."""
    scene = comparison.scenes[index]
    maps = [of_row[index] for of_row in comparison.maps]
    size = _shown(scene.photo)
    photo = resize_photo(scene.photo, size)
    small = [resize_map(map, size) for map in maps]
    # The last row's map is laid over the photo: the last form is the one furthest from training.
    return {
        "name": scene.name,
        "height": size[0],
        "width": size[1],
        "photo": _uri(photo, "JPEG"),
        "overlay": _uri(overlay(photo, small[-1]), "JPEG"),
        "mask": _uri(resize_map(scene.mask, size), "PNG"),
        "maps": [
            {
                "label": row.candidate.label,
                "picture": _uri(small[k], "PNG"),
                "mae": float(np.abs(maps[k] / 255 - (scene.mask > 128)).mean()),
                "difference": _uri(difference(small[k], small[0]), "PNG"),
                "mean": float(np.abs(maps[k].astype(int) - maps[0]).mean()),
                "most": int(np.abs(maps[k].astype(int) - maps[0]).max()),
            }
            for k, row in enumerate(comparison.rows)
        ],
    }


def _shown(photo: Bytes) -> tuple[int, int]:
    height, width = photo.shape[:2]
    factor = min(1.0, SHOWN / max(height, width))
    return round(height * factor), round(width * factor)


def _uri(picture: Bytes, kind: str) -> str:
    """A picture as a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, quality=85, optimize=True)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _css(colour: tuple[int, int, int]) -> str:
    return f"rgb{colour}"
