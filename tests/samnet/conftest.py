"""What the tests of samnet share: a tiny checkpoint, synthetic scenes on disk, commands."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from samnet import Checkpoint, Preprocessing, SAMNet, SAMNetConfig, save_checkpoint
from samnet.command import run_command
from samnet.data.synthetic import write_scenes


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    """A checkpoint of the smallest network with random weights, made for 64 px."""
    import torch

    torch.manual_seed(0)
    model = SAMNet(SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1))).eval()
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors"
    save_checkpoint(path, Checkpoint(model, Preprocessing(size=64)))
    return path


@pytest.fixture
def scenes(tmp_path) -> Path:
    """Three synthetic scenes of 72x96 pixels as a data set with images/ and masks/."""
    folder = tmp_path / "scenes"
    write_scenes(folder, 3, (72, 96))
    return folder


@pytest.fixture
def command(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Runs ``python -m MODULE ARGUMENTS`` in this process; gives status, output and errors."""

    def run(name: str, *arguments: object) -> tuple[int, str, str]:
        module = importlib.import_module(name)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run_command(module.Options, module.main, "")
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run
