"""Reads the float checkpoint to quantize and checks that it is one."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from common.errors import InputError
from common.images.input_file import check_is_file
from edge_apps.formats import SUFFIXES
from quantize.recipes import INT8, quantized_weight
from samnet.checkpoints.checkpoint import Checkpoint, load_checkpoint
from samnet.evaluation.predictor import CHECKPOINT
from samnet.networks.preprocessing import Preprocessing

QUANTIZED_SUFFIXES = (".pt2", *SUFFIXES)
"""Of files that quantize and convert write."""

CURE = "give the float .safetensors checkpoint"


def float_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint to quantize.

    Raises:
        InputError: if it cannot be read, or is quantized already.
    """
    path = Path(path)
    check_is_file(path, CURE)
    if path.suffix in QUANTIZED_SUFFIXES:
        raise InputError(
            f"{path}: is a quantized program or an artifact; {CURE} that it was made from"
        )
    if path.suffix != CHECKPOINT:
        raise InputError(f"{path}: suffix is {path.suffix!r}, expected {CHECKPOINT!r}; {CURE}")
    checkpoint = load_checkpoint(path)
    if is_quantized(checkpoint.model):
        raise InputError(
            f"{path}: its weights are multiples of int8 steps, so it is quantized already; "
            f"{CURE} that it was made from"
        )
    return checkpoint


def is_quantized(network: nn.Module) -> bool:
    """Tell whether rounding every weight to int8 codes, a scale a channel, would change nothing."""
    parts = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    with torch.no_grad():
        return all(
            torch.allclose(quantized_weight(part.weight), part.weight, rtol=1e-4, atol=1e-9)
            for part in parts
        )


def check_input_is_bytes(preprocessing: Preprocessing) -> None:
    """Make sure that the recipe's fixed input is this network's.

    Raises:
        InputError: if a byte b does not become (b - 128) / 64.
    """
    scale = 1 / (255 * preprocessing.std)
    offset = preprocessing.mean / preprocessing.std
    if abs(scale - INT8.input.scale) > 1e-6 or abs(offset - 128 * scale) > 1e-4:
        raise InputError(
            f"the network wants photos with mean {preprocessing.mean:.4f} and std "
            f"{preprocessing.std:.4f}, the recipe needs 128/255 and 64/255; train it with those"
        )
