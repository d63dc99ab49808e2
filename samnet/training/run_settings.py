"""Settings that must not change when a run is resumed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.files import sha256
from samnet.data.layouts import Pair
from samnet.data.packed import fingerprint
from samnet.networks.base import NetworkConfig
from samnet.training.recipe import Recipe


def run_settings(
    training: Sequence[Pair],
    validation: Sequence[Pair],
    config: NetworkConfig,
    recipe: Recipe,
    seed: int,
    files: Mapping[str, Path | None],
) -> dict[str, Any]:
    """Collect the settings of a run as plain JSON values.

    Args:
        training: pairs to train on.
        validation: pairs held out.
        config: configuration of the network.
        recipe: how it is trained.
        seed: seed of everything random.
        files: files by option, those that decide what comes of it; None for one that is not given.

    Raises:
        InputError: if a file cannot be read.
    """
    settings = {
        "training pairs": len(training),
        "held-out pairs": len(validation),
        "data": fingerprint(training, 0),
        "held-out data": fingerprint(validation, 0),
        "network": config.to_dict(),
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        **{name: sha256(path)[:16] if path else None for name, path in files.items()},
    }
    return dict[str, Any](json.loads(json.dumps(settings)))


def check_same(place: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to resume a run with other settings.

    Args:
        place: place of the run's state, for the message.
        before: the settings that it was started with.
        now: those that it would go on with.

    Raises:
        InputError: naming the first difference.
    """
    for name in now:
        if name in before and before[name] != now[name]:
            where, old, new = _first_difference(name, before[name], now[name])
            raise InputError(
                f"{place}: the run has {where} {old}, not {new}; resume with the options and data "
                "that it was started with"
            )


def _first_difference(name: str, before: Any, now: Any) -> tuple[str, Any, Any]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            if before.get(key) != now.get(key):
                return _first_difference(f"{name} {key}", before.get(key), now.get(key))
    return name, before, now
