"""What the tests of samnet share: a tiny checkpoint, and options of a short training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from samnet import Checkpoint, Preprocessing, SAMNet, SAMNetConfig, save_checkpoint
from samnet.training.options import TrainOptions


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    """A checkpoint of the smallest network with random weights, made for 64 px."""
    import torch

    torch.manual_seed(0)
    model = SAMNet(SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1))).eval()
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors"
    save_checkpoint(path, Checkpoint(model, Preprocessing(size=64)))
    return path


@pytest.fixture(scope="session")
def tiny_training() -> Callable[..., TrainOptions]:
    """Makes options that train the smallest network at 64 px, in a folder of their own."""

    def make(scenes: Path, folder: Path, **changes: Any) -> TrainOptions:
        options: dict[str, Any] = {
            **{"data": str(scenes), "output": folder / "run", "cache": folder / "cache"},
            **{"phases": ("64:1",), "batch": 4, "imitation": 0.0, "held_out": 4, "threads": 1},
        }
        if "model" not in changes:
            options |= {"width": 0.25, "modules": (1, 1, 1, 1, 1)}
        return TrainOptions(**{**options, **changes})

    return make
