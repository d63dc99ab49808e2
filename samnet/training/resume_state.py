"""Saves and loads the state of an interrupted run."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from common.errors import InputError
from common.files import replacing

NAME = "state.pt"


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state whole or not at all, in place of an older one.

    Raises:
        InputError: if it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with replacing(path, overwrite=True) as temporary:
        # As bytes: torch's own writing reports a full disk as a fault of its archive.
        temporary.write_bytes(buffer.getbuffer())


def load_state(path: Path, device: torch.device) -> dict[str, Any]:
    """Read a state.

    Raises:
        InputError: if there is none, or it is damaged.
    """
    if not path.is_file():
        raise InputError(f"{path}: no state to resume from; start without --resume")
    try:
        state = dict[str, Any](torch.load(path, map_location=device, weights_only=True))
    except Exception as error:  # whatever its zip and pickle readers raise; none is documented
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: no readable state ({reason}); start anew") from error
    return state
