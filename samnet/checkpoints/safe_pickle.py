"""Reads PyTorch's pickled state dicts of others without running what they contain."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from common.errors import InputError
from common.images.input_file import check_is_file


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read a ``.pth`` state dict with ``weights_only=True``.

    Raises:
        InputError: if the file is missing, is no PyTorch file, holds anything but tensors under
            names, or holds objects that would run code.
    """
    check_is_file(path, "give the path of a .pth checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler on foreign bytes raises whatever these lead it to
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: cannot be read as a PyTorch checkpoint ({reason})") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()
    ):
        raise InputError(f"{path}: holds no state dict of named tensors; save model.state_dict()")
    return state
