"""Files of a pretrained backbone: the encoder alone, as pretraining leaves it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save

from common.errors import InputError
from common.files import replacing
from common.safe_json import parse_json
from samnet.checkpoints.tensor_file import read_tensors
from samnet.checkpoints.warm_start import adopt
from samnet.networks.base import SaliencyNetwork
from samnet.networks.config import SAMNetConfig
from samnet.networks.preprocessing import MEAN, STD, Preprocessing
from samnet.networks.samnet import Encoder, SAMNet

FORMAT = "samnet-backbone-1"
"""Names the layout of tensors and metadata; a reader refuses any other."""

SHAPE = ("width", "modules", "dilation_rates")
"""Fields of the configuration that decide which tensors an encoder has besides its attention."""


def save_backbone(
    path: str | Path,
    encoder: Encoder,
    config: SAMNetConfig,
    info: dict[str, Any],
    *,
    overwrite: bool = False,
) -> None:
    """Write an encoder whole or not at all.

    Args:
        path: the .safetensors file.
        encoder: encoder with its weights.
        config: it was built with.
        info: how it was trained; plain JSON values.
        overwrite: whether a file that exists may be replaced.

    Raises:
        InputError: if the file exists and may not be overwritten, or cannot be written.
    """
    metadata = {
        "format": FORMAT,
        "config": json.dumps(config.to_dict()),
        "preprocessing": json.dumps({"mean": MEAN, "std": STD}),
        "training": json.dumps(info),
    }
    tensors = {k: v.detach().cpu().contiguous() for k, v in encoder.state_dict().items()}
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def adopt_backbone(model: SaliencyNetwork, path: str | Path) -> None:
    """Give a network's encoder the weights of a file; its attention may be another.

    Raises:
        InputError: if the file is missing, no backbone, damaged, normalized otherwise, or of an
            encoder of another form.
    """
    if not isinstance(model, SAMNet):
        raise InputError(
            f"{path}: a backbone is SAMNet's encoder, the network is another; start a baseline "
            "from a checkpoint with --init"
        )
    tensors, metadata = read_tensors(
        path,
        FORMAT,
        missing="give what samnet pretrain wrote",
        foreign="give what samnet pretrain wrote, or a checkpoint with --init",
    )
    try:
        config = SAMNetConfig.from_dict(parse_json(metadata["config"]))
        normalization = parse_json(metadata["preprocessing"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: metadata is damaged ({error})") from error
    _check(path, config, normalization, model.config)
    attention = {
        name: getattr(config, name) for name in ("attention", "attention_from", "spatial_maps")
    }
    source = SAMNet(dataclasses.replace(model.config, **attention))
    try:
        source.encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path}: tensors do not fit the encoder its metadata names") from error
    # All but the encoder is the network's own, so that nothing else changes.
    source.pyramid, source.decoder, source.heads = model.pyramid, model.decoder, model.heads
    try:
        adopt(model, source)
    except InputError as error:
        raise InputError(f"{path}: {config.attention} attention lacks weights; {error}") from error


def _check(
    path: str | Path, config: SAMNetConfig, normalization: dict[str, float], wanted: SAMNetConfig
) -> None:
    for name in SHAPE:
        found, expected = getattr(config, name), getattr(wanted, name)
        if found != expected:
            raise InputError(
                f"{path}: a backbone of {name} {found}, the network has {expected}; pretrain one "
                "of the same form"
            )
    ours = Preprocessing()
    if (normalization.get("mean"), normalization.get("std")) != (ours.mean, ours.std):
        raise InputError(
            f"{path}: made for photos normalized by {normalization}, training normalizes by "
            f"mean {ours.mean}, std {ours.std}; pretrain another"
        )
