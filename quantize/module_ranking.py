"""Ranks modules by the loss when each is quantized alone, and chooses which stay in float."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any

from torch import Tensor

from common.images.photos import Bytes, read_map, read_photo, resize_photo
from common.progress import progress
from edge_apps.maps.coding import Coding
from quantize.calibration import normalize
from quantize.module_simulation import Simulation, Trace
from quantize.quality_drop import Effect, QualityDrop
from samnet.data.layouts import Pair
from samnet.networks.preprocessing import Preprocessing


@dataclasses.dataclass(frozen=True)
class RankedModule:
    """A module.

    Args:
        module: torch name.
        only: it alone is quantized.
        but: everything but it is quantized.
    """

    module: str
    only: Effect
    but: Effect


@dataclasses.dataclass(frozen=True)
class Ranking:
    """All modules of a network.

    Args:
        rows: that which loses most when quantized alone first.
        whole: everything is quantized.
        max_F: max F of the float network.
        MAE: likewise.
        kept: modules to keep in float.
        suggested: the effect of quantizing everything but those.
    """

    rows: tuple[RankedModule, ...]
    whole: Effect
    max_F: float
    MAE: float
    kept: tuple[str, ...]
    suggested: Effect

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a result file."""
        whole = dataclasses.asdict(self)
        chosen = {key: whole[key] for key in ("rows", "whole")}
        return {"float": {"max_F": self.max_F, "MAE": self.MAE}, **chosen}


def measure(
    network: Simulation,
    preprocessing: Preprocessing,
    coding: Coding,
    size: int,
    pairs: Sequence[Pair],
    max_drop: float,
) -> Ranking:
    """Rank the modules of a network and find a short list to keep in float.

    Args:
        network: calibrated.
        preprocessing: preprocessing of the network.
        coding: coding of its map.
        size: S, of its input.
        pairs: photos and masks to measure on.
        max_drop: how much max F may fall.

    Raises:
        InputError: if a photo or mask cannot be read, or both differ in size.
    """
    reference, whole = QualityDrop(coding, size), QualityDrop(coding, size)
    only = {module: QualityDrop(coding, size) for module in network.modules}
    but = {module: QualityDrop(coding, size) for module in network.modules}
    for pair in progress(pairs, len(pairs), "measuring"):
        x, mask = _read(pair, size, preprocessing)
        floating = network.run(x, network.everything, keep=True)
        quantized = network.run(x, keep=True)
        for quality_drop, trace in ((reference, floating), (whole, quantized)):
            quality_drop.add(trace.logits, floating.logits, mask)
        for module in network.modules:
            for tallies, kept, start in (
                (only, network.everything - {module}, floating),
                (but, {module}, quantized),
            ):
                trace = network.run(x, kept, start)
                tallies[module].add(trace.logits, floating.logits, mask)
    rows = [
        RankedModule(module, only[module].effect(reference), but[module].effect(reference))
        for module in network.modules
    ]

    def effect(kept: Collection[str]) -> Effect:
        quality_drop = QualityDrop(coding, size)
        for pair in progress(pairs, len(pairs), f"{len(kept)} modules in float"):
            x, mask = _read(pair, size, preprocessing)
            floating: Trace = network.run(x, network.everything)
            quality_drop.add(network.run(x, kept).logits, floating.logits, mask)
        return quality_drop.effect(reference)

    everything = whole.effect(reference)
    gaining = [row.module for row in sorted(rows, key=lambda row: -row.but.snr)]
    listed, suggested = shortest(gaining, everything, effect, max_drop)
    scores = reference.metrics.scores()
    ranked = tuple(sorted(rows, key=lambda row: row.only.snr))
    return Ranking(ranked, everything, scores.max_F, scores.MAE, listed, suggested)


def shortest(
    gaining: Sequence[str],
    whole: Effect,
    effect: Callable[[Collection[str]], Effect],
    max_drop: float,
) -> tuple[tuple[str, ...], Effect]:
    """Find a short list of modules that, kept in float, bring max F close to the float network.

    Modules are added one by one until it is; then those that turn out not to be needed leave.

    Args:
        gaining: the modules, that which gains most in float first.
        whole: the effect of an empty list.
        effect: effect of any other.
        max_drop: how much max F may fall.

    Returns:
        The list, and its effect. Where no list is enough, all modules.
    """
    kept: list[str] = []
    found = whole
    for module in gaining:
        if found.max_F >= -max_drop:
            break
        kept.append(module)
        found = effect(kept)
    if found.max_F >= -max_drop:
        # The last one was needed: without it the list was not enough.
        for module in kept[:-1]:
            fewer = [name for name in kept if name != module]
            without = effect(fewer)
            if without.max_F >= -max_drop:
                kept, found = fewer, without
    return tuple(kept), found


def _read(pair: Pair, size: int, preprocessing: Preprocessing) -> tuple[Tensor, Bytes]:
    photo = resize_photo(read_photo(pair.photo), (size, size))
    return normalize(photo, preprocessing), read_map(pair.mask)
