"""The photos that int8 changed for the worse most, to look at."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.accuracy_kinds import PairedScores
from benchmarks.shared.pictures import difference
from common.images.photos import Bytes, read_map, read_photo
from common.progress import progress
from samnet.data.layouts import Pair
from samnet.evaluate import MapSource
from samnet.sheet import Tile, draw

ACROSS = 2
"""Photos side by side."""


def worst_sheet(
    paired: PairedScores, pairs: Sequence[Pair], sources: tuple[MapSource, MapSource], count: int
) -> Bytes:
    """Draw photo, mask, both maps and their difference of the worst photos, (H, W, 3) uint8.

    Args:
        paired: names the photos, the worst first.
        pairs: of the data set.
        sources: the reference's maps, and the other's.
        count: photos to show.

    Raises:
        InputError: if a file cannot be read.
    """
    known = {pair.stem: pair for pair in pairs}
    chosen = paired.photos[:count]
    rows: list[list[Tile]] = []
    for it in progress(chosen, len(chosen), f"worst of {paired.name}"):
        pair = known[it.stem]
        before, after = (source(pair) for source in sources)
        rows.append(
            [
                (read_photo(pair.photo), it.stem),
                (read_map(pair.mask), "mask"),
                (before, f"before {it.before:.4f}"),
                (after, f"after {it.after:.4f}"),
                (difference(after, before), f"MAE {it.change:+.4f}"),
            ]
        )
    return draw(rows, ACROSS)
