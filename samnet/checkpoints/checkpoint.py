"""Checkpoints: one safetensors file that needs nothing else to be used."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from common.errors import InputError
from common.files import replacing
from common.safe_json import parse_json
from samnet.checkpoints.tensor_file import read_tensors
from samnet.networks.base import SaliencyNetwork
from samnet.networks.preprocessing import Preprocessing
from samnet.networks.registry import build_network, read_config

FORMAT = "samnet-1"
"""Names the layout of tensors and metadata; a reader refuses any other."""


@dataclasses.dataclass
class Checkpoint:
    """What a checkpoint file holds.

    Args:
        model: the network with its weights, in evaluation mode.
        preprocessing: how photos become its input.
        training: summary of how it was trained, and its metrics; plain JSON values.
    """

    model: SaliencyNetwork
    preprocessing: Preprocessing
    training: dict[str, Any] = dataclasses.field(default_factory=dict)


def save_checkpoint(
    path: str | Path, checkpoint: Checkpoint, *, half: bool = False, overwrite: bool = False
) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        path: the .safetensors file.
        checkpoint: what it shall hold.
        half: whether weights of convolutions are stored in float16; all others, which are few and
            may be of any magnitude, stay as they are.
        overwrite: whether a file that exists may be replaced.

    Raises:
        InputError: if the file exists and may not be overwritten, or cannot be written.
    """
    metadata = {
        "format": FORMAT,
        "config": json.dumps(checkpoint.model.config.to_dict()),
        "preprocessing": json.dumps(dataclasses.asdict(checkpoint.preprocessing)),
        "training": json.dumps(checkpoint.training),
    }
    tensors = {k: v.detach().cpu().contiguous() for k, v in checkpoint.model.state_dict().items()}
    if half:
        tensors = {k: v.half() if v.dim() > 1 else v for k, v in tensors.items()}
    with replacing(path, overwrite=overwrite) as temporary:
        # As bytes: the library's own writing reports a full disk as a damaged file.
        temporary.write_bytes(save(tensors, metadata))


def with_remark(training: Mapping[str, Any], remark: str) -> dict[str, Any]:
    """Return a summary of training that says one thing more of how the weights came about."""
    before = training.get("remark")
    return {**training, "remark": f"{before}; {remark}" if before else remark}


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint of this project.

    Raises:
        InputError: if the file is missing, no safetensors file, of another network, damaged, or
            holds weights that are not finite.
    """
    tensors, metadata = read_tensors(
        path,
        FORMAT,
        missing="give the path of a .safetensors checkpoint",
        foreign="this file was not written by samnet train",
    )
    try:
        config = read_config(parse_json(metadata["config"]))
        preprocessing = Preprocessing(**parse_json(metadata["preprocessing"]))
        training = parse_json(metadata["training"])
        if not isinstance(training, dict):
            raise ValueError(f"training is a {type(training).__name__}, expected an object")
        model = build_network(config)
        model.load_state_dict(tensors)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: metadata is damaged ({error})") from error
    except RuntimeError as error:
        raise InputError(f"{path}: tensors do not fit the network its metadata names") from error
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise InputError(
                f"{path}: {name} holds values that are not finite, so every map would be blank; "
                "take an earlier checkpoint or train again"
            )
    return Checkpoint(model.eval(), preprocessing, training)


def load(path: str | Path) -> SaliencyNetwork:
    """Read the network of a checkpoint, in evaluation mode.

    Raises:
        InputError: as :func:`load_checkpoint`.
    """
    return load_checkpoint(path).model
