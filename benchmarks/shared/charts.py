"""Charts for HTML pages, drawn once wide and once for phones, with labels that never overlap."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, LINE = "#16191d", "#5b636e", "#e1e5ea"
"""Of text, of what stands back, and of grids; those of the page."""

OURS, FLOAT, OTHERS, PAPER = "#b3123a", "#16457a", "#5b636e", "#8a95a3"
"""Our int8 forms, our float ones, networks of others that were run here, published figures."""

STYLE: Any = {
    "font.size": 9,
    "font.family": "sans-serif",
    "svg.fonttype": "none",
    # The same figures give the same file.
    "svg.hashsalt": "samnet",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "axes.axisbelow": True,
    "legend.frameon": False,
}

WIDE, NARROW = 10.2, 3.7
"""Inches that a page and a phone's screen are wide, at the size of text of the page."""

LOW, HEAD, LEFT = 3.4, 0.3, 0.85
"""Inches that a phone's panel is high at most, and that are free above and left of axes."""

BELOW, GAP = 0.55, 0.8
"""Inches that are free below the lowest axes, and between axes that stand below each other."""

PLACES = (
    *((7, 4, "left"), (-7, 4, "right"), (7, -10, "left"), (-7, -10, "right")),
    *((0, 8, "center"), (0, -15, "center"), (12, 12, "left"), (-12, 12, "right")),
    *((12, -20, "left"), (-12, -20, "right"), (0, 20, "center"), (0, -28, "center")),
    *((7, 24, "left"), (-7, 24, "right"), (7, -32, "left"), (-7, -32, "right")),
    *((0, 34, "center"), (0, -42, "center"), (7, 46, "left"), (7, -54, "left")),
)
"""Where a label may stand: points right of and above its mark, and its alignment."""


@dataclasses.dataclass(frozen=True)
class Chart:
    """A drawing as two pictures.

    Args:
        wide: data URI of its SVG for a page and paper.
        narrow: likewise for a phone; its panels stand below each other.
        alt: says what it shows to who cannot see it.
        caption: sentences below.
    """

    wide: str
    narrow: str
    alt: str
    caption: str


def chart(
    panels: Sequence[Callable[[Axes], None]],
    alt: str,
    caption: str,
    height: float = 4.0,
    head: float = HEAD,
    left: float = LEFT,
    low: float = LOW,
) -> Chart:
    """Draw panels side by side, and below each other for a phone.

    Args:
        panels: each draws into its axes.
        alt: see ``Chart``.
        caption: likewise.
        height: of a panel in inches.
        head: of the room above the uppermost axes in inches.
        left: of the room for the labels of the y axis in inches.
        low: of a panel on a phone in inches, at most, where the head is no higher than usual.
    """
    wide = _svg(panels, (1, len(panels)), (WIDE, height), head, left)
    # A phone's panels are lower; what stands above them needs the same room.
    each = min(height - head, low - HEAD) + head
    narrow = _svg(panels, (len(panels), 1), (NARROW, each * len(panels)), head, left)
    return Chart(wide, narrow, alt, caption)


def is_narrow(axes: Axes) -> bool:
    """Tell whether this is the drawing for a phone, which has room for few words."""
    figure: Any = axes.get_figure()
    return bool(figure.get_size_inches()[0] < WIDE / 2)


def place_labels(
    axes: Axes, labels: Sequence[tuple[float, float, str, str]], size: float = 8
) -> None:
    """Write labels beside their marks so that they cover neither each other nor other marks.

    Call it last: limits and scales have to be final.

    Args:
        axes: where.
        labels: x and y of each mark, its text and its color; the first ones choose first. A mark
            with an empty text is kept free.
        size: of the text in points.
    """
    figure: Any = axes.get_figure()
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    marks = axes.transData.transform([(x, y) for x, y, _, _ in labels])
    frame = axes.get_window_extent(renderer)
    taken: list[Any] = []
    for x, y, text, color in labels:
        if not text:
            continue
        best = None
        for right, above, align in PLACES:
            label = axes.annotate(
                text, (x, y), (right, above), textcoords="offset points", ha=align,
                color=color, fontsize=size,
            )  # fmt: skip
            box = label.get_window_extent(renderer)
            cost = sum(box.overlaps(other) for other in taken) * 4
            cost += sum(_inside(box, mark) for mark in marks)
            cost += 8 * (box.x0 < frame.x0 or box.x1 > frame.x1 + 4)
            cost += 8 * (box.y0 < frame.y0 or box.y1 > frame.y1 + 4)
            if best is None or cost < best[0]:
                if best is not None:
                    best[1].remove()
                best = (cost, label, box)
            else:
                label.remove()
            if cost == 0:
                break
        assert best is not None
        taken.append(best[2])


def _inside(box: Any, mark: Any) -> bool:
    return bool(box.x0 - 3 < mark[0] < box.x1 + 3 and box.y0 - 3 < mark[1] < box.y1 + 3)


def _svg(
    panels: Sequence[Callable[[Axes], None]],
    shape: tuple[int, int],
    size: tuple[float, float],
    head: float,
    left: float,
) -> str:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # without pyplot no display is looked for

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)  # measures text
        axes = figure.subplots(*shape, squeeze=False).flat
        free = GAP * (shape[0] - 1)
        figure.subplots_adjust(
            left=left / size[0], right=1 - 0.12 / size[0],
            bottom=BELOW / size[1], top=1 - head / size[1],
            wspace=0.2, hspace=GAP * shape[0] / (size[1] - BELOW - head - free),
        )  # fmt: skip
        for panel, draw in zip(axes, panels, strict=True):
            draw(panel)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
