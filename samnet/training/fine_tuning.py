"""Freezes stages of a network and sets the learning rate of its encoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from common.errors import InputError
from samnet.networks.base import SaliencyNetwork


def freeze_stages(model: SaliencyNetwork, count: int) -> None:
    """Leave the first stages of a network's encoder out of training.

    Nothing is propagated back into them, which spares most of the work on the largest maps.
    Their batch normalization, where they have any, goes on following the photos.

    Args:
        model: the network.
        count: stages from the first on.

    Raises:
        InputError: if the encoder has no stages that stand one behind the other.
    """
    if not count:
        return
    stages = getattr(model.encoder, "stages", None)
    if stages is None or len(stages) < count:
        raise InputError(
            f"frozen_stages is {count}, and the network's encoder has "
            f"{0 if stages is None else len(stages)} stages; use --replace frozen_stages=0"
        )
    for stage in list(stages)[:count]:
        stage.requires_grad_(False)


def parameter_groups(
    model: SaliencyNetwork, others: nn.Module, trunk_rate: float
) -> list[dict[str, Any]]:
    """Return the trained parameters as an optimizer takes them, the encoder's apart.

    Args:
        model: the network.
        others: what trains with it at the full rate.
        trunk_rate: the encoder's share of the learning rate.

    Returns:
        Groups with ``params`` and ``share``, a multiple of the learning rate; of equal shares one.
    """
    trunk = {id(p) for p in model.encoder.parameters()}
    every = [*model.parameters(), *others.parameters()]
    if trunk_rate == 1:
        return [{"params": _trained(every), "share": 1.0}]
    return [
        {"params": _trained(p for p in every if id(p) in trunk), "share": trunk_rate},
        {"params": _trained(p for p in every if id(p) not in trunk), "share": 1.0},
    ]


def _trained(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [p for p in parameters if p.requires_grad]
