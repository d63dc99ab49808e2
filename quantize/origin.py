"""The float checkpoint that is quantised, and what it must be for that."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from edge_apps.errors import InputError
from quantize.schemes import INT8, quantised_weight
from samnet.checkpoint import Checkpoint, load_checkpoint
from samnet.preprocessing import Preprocessing

QUANTISED_SUFFIXES = (".pt2", ".tflite", ".pte")
"""Of files that quantize and convert write."""


def float_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a checkpoint to quantise.

    Raises:
        InputError: if it cannot be read, or is quantised already.
    """
    path = Path(path)
    if path.suffix in QUANTISED_SUFFIXES and path.is_file():
        raise InputError(
            f"{path}: is a quantised program or an artefact; give the float .safetensors "
            "checkpoint that it was made from"
        )
    checkpoint = load_checkpoint(path)
    if is_quantised(checkpoint.model):
        raise InputError(
            f"{path}: its weights are multiples of int8 steps, so it is quantised already; give "
            "the float checkpoint that it was made from"
        )
    return checkpoint


def is_quantised(network: nn.Module) -> bool:
    """Whether rounding every weight to int8 codes, a scale a channel, would change nothing."""
    parts = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    with torch.no_grad():
        return all(
            torch.allclose(quantised_weight(part.weight), part.weight, rtol=1e-4, atol=1e-9)
            for part in parts
        )


def check_input_is_bytes(preprocessing: Preprocessing) -> None:
    """Makes sure that the recipe's fixed input is this network's.

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
