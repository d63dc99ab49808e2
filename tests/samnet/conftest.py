"""What the tests of samnet share: a tiny checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from samnet import Checkpoint, Preprocessing, SAMNet, SAMNetConfig, save_checkpoint


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    """A checkpoint of the smallest network with random weights, made for 64 px."""
    import torch

    torch.manual_seed(0)
    model = SAMNet(SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1))).eval()
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors"
    save_checkpoint(path, Checkpoint(model, Preprocessing(size=64)))
    return path
