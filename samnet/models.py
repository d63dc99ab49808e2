"""Networks by name."""

from __future__ import annotations

import difflib

from edge_apps.errors import InputError
from samnet.config import SAMNetConfig
from samnet.network import SAMNet

CONFIGS = {
    "samnet": SAMNetConfig(),
    "samnet-edge": SAMNetConfig(
        attention="stick_breaking",
        modules=(0, 1, 3, 6, 3),
        decoder_stride=4,
        decoder_kernel=3,
        map_stride=2,
    ),
}


def model_config(name: str) -> SAMNetConfig:
    """The configuration of a named network.

    Raises:
        InputError: for an unknown name; the nearest one is suggested.
    """
    if name not in CONFIGS:
        near = difflib.get_close_matches(name, CONFIGS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(CONFIGS)}"
        raise InputError(f"unknown network {name!r}; {hint}")
    return CONFIGS[name]


def build_model(name: str) -> SAMNet:
    """Builds a named network with fresh weights.

    Raises:
        InputError: as :func:`model_config`.
    """
    return SAMNet(model_config(name))
