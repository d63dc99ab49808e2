"""Copies weights from a network with another decoder or attention, to start training from."""

from __future__ import annotations

import dataclasses

from torch.nn import functional as F

from common.errors import InputError
from samnet.networks.base import SaliencyNetwork
from samnet.networks.registry import AnyConfig
from samnet.networks.samnet_lite import LiteConfig


def as_pruned(config: AnyConfig, source: SaliencyNetwork) -> AnyConfig:
    """Copy the channels that pruning left of a network that another starts from to its config."""
    if isinstance(config, LiteConfig) and isinstance(source.config, LiteConfig):
        return dataclasses.replace(config, inner=source.config.inner)
    return config


def adopt(model: SaliencyNetwork, source: SaliencyNetwork) -> None:
    """Copy weights from a network that may differ in its attention and decoder.

    Every tensor of the same name and shape is taken over. Branch logits that only ``model`` has
    start at zero. Where kernels differ in size, the middle is taken, or surrounded by zeros.

    Raises:
        InputError: if ``model`` has other tensors that the source lacks.
    """
    ours, theirs = model.state_dict(), source.state_dict()
    for name, value in ours.items():
        if name in theirs and theirs[name].shape == value.shape:
            value.copy_(theirs[name])
        elif ".channel.expand." in name or ".spatial.maps." in name:
            value.zero_()
        elif name in theirs and theirs[name].shape[:2] == value.shape[:2]:
            margin = (value.shape[-1] - theirs[name].shape[-1]) // 2
            value.copy_(F.pad(theirs[name], [margin] * 4))
        else:
            raise InputError(
                f"the checkpoint to start from has no {name} of shape {tuple(value.shape)}; "
                "use one of the same width, stages and dilation rates"
            )
