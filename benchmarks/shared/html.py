"""HTML pages in one file: templates, and the cards at their head."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from benchmarks.shared.pictures import HIGHER, LOWER, SATURATION, css

TEMPLATES = Path(__file__).parent / "templates"


@dataclasses.dataclass(frozen=True)
class Change:
    """A figure before and after quantization, for the head of a page."""

    name: str
    before: str
    after: str
    unit: str
    remark: str


def ratio(before: float, after: float, less: str = "smaller", more: str = "larger") -> str:
    """Say how two figures compare, in words."""
    word, factor = (less, before / after) if after <= before else (more, after / before)
    return f"{factor:.1f} times {word}"


def render(template: str, **values: Any) -> str:
    """Render a template of this project as HTML without any reference to another file."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    colors = {"saturation": SATURATION, "higher": css(HIGHER), "lower": css(LOWER)}
    return environment.get_template(template).render(**colors, **values)
