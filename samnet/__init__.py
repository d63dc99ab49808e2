"""SAMNet: a lightweight network that finds the salient object of a photo."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from common.errors import SamnetError
    from samnet.checkpoints.checkpoint import Checkpoint, load, load_checkpoint, save_checkpoint
    from samnet.checkpoints.released import load_released
    from samnet.networks.config import SAMNetConfig
    from samnet.networks.preprocessing import Preprocessing
    from samnet.networks.registry import build_model
    from samnet.networks.samnet import SAMNet

__all__ = [
    "Checkpoint",
    "Preprocessing",
    "SAMNet",
    "SAMNetConfig",
    "SamnetError",
    "build_model",
    "load",
    "load_checkpoint",
    "load_released",
    "save_checkpoint",
]

_MODULES = {
    "Checkpoint": "samnet.checkpoints.checkpoint",
    "Preprocessing": "samnet.networks.preprocessing",
    "SAMNet": "samnet.networks.samnet",
    "SAMNetConfig": "samnet.networks.config",
    "SamnetError": "common.errors",
    "build_model": "samnet.networks.registry",
    "load": "samnet.checkpoints.checkpoint",
    "load_checkpoint": "samnet.checkpoints.checkpoint",
    "load_released": "samnet.checkpoints.released",
    "save_checkpoint": "samnet.checkpoints.checkpoint",
}
"""Where each name stands. They are imported when asked for, since most of them import torch, which
artifacts do without."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
