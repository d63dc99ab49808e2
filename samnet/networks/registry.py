"""Builds networks by name or by configuration."""

from __future__ import annotations

from typing import Any

from common.errors import InputError
from common.suggestions import suggestion
from samnet.networks.base import SaliencyNetwork
from samnet.networks.baselines import ARCHITECTURES
from samnet.networks.baselines.network import Baseline, BaselineConfig
from samnet.networks.config import SAMNetConfig
from samnet.networks.samnet import SAMNet
from samnet.networks.samnet_lite import LiteConfig, SAMNetLite

AnyConfig = SAMNetConfig | LiteConfig | BaselineConfig

CONFIGS: dict[str, AnyConfig] = {
    "samnet": SAMNetConfig(),
    "samnet-edge": SAMNetConfig(
        attention="stick_breaking",
        modules=(0, 1, 3, 6, 3),
        attention_from=3,
        decoder_stride=4,
        decoder_kernel=3,
    ),
    "samnet-lite": LiteConfig(),
    **{name: BaselineConfig(name) for name in ARCHITECTURES},
}


def model_config(name: str) -> AnyConfig:
    """Return the configuration of a named network.

    Raises:
        InputError: for an unknown name; the nearest one is suggested.
    """
    if name not in CONFIGS:
        raise InputError(f"unknown network {name!r}; {suggestion(name, CONFIGS)}")
    return CONFIGS[name]


def read_config(values: dict[str, Any]) -> AnyConfig:
    """Read the configuration that a file holds as plain values.

    Raises:
        InputError: if it is of no network known here.
    """
    if not isinstance(values, dict):
        raise InputError(
            f"network configuration is a {type(values).__name__}, expected an object with the "
            "network's choices; the checkpoint is damaged or of another program"
        )
    if "trunk" in values:
        return LiteConfig.from_dict(values)
    if "name" in values:
        return BaselineConfig.from_dict(values)
    return SAMNetConfig.from_dict(values)


def build_network(config: AnyConfig) -> SaliencyNetwork:
    """Build the network of a configuration with fresh weights.

    Raises:
        InputError: if a library that it needs is not installed.
    """
    if isinstance(config, LiteConfig):
        return SAMNetLite(config)
    return Baseline(config) if isinstance(config, BaselineConfig) else SAMNet(config)


def build_model(name: str) -> SaliencyNetwork:
    """Build a named network with fresh weights.

    Raises:
        InputError: as :func:`model_config` and :func:`build_network`.
    """
    return build_network(model_config(name))
