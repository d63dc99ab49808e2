"""Checkpoints come back as they were, and anything else is refused in one line."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

import samnet
from common.errors import InputError

CONFIG = samnet.SAMNetConfig(
    attention="stick_breaking", width=0.25, modules=(1, 1, 1, 1, 1), spatial_maps="per_branch"
)


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    file = tmp_path / "net.safetensors"
    kept = samnet.Checkpoint(
        samnet.SAMNet(CONFIG), samnet.Preprocessing(size=96), {"steps": 3, "max_F": 0.5}
    )
    samnet.save_checkpoint(file, kept)
    return file


def test_round_trip(path):
    torch.manual_seed(0)
    original = samnet.SAMNet(CONFIG).eval()
    loaded = samnet.load_checkpoint(path)
    assert loaded.model.config == CONFIG
    assert loaded.preprocessing == samnet.Preprocessing(size=96)
    assert loaded.training == {"steps": 3, "max_F": 0.5}
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.model(x), original(x))
        assert torch.equal(samnet.load(path)(x), original(x))


def test_byte_becomes_an_exact_int8_value():
    preprocessing = samnet.Preprocessing()
    values = (torch.arange(256, dtype=torch.float64) / 255 - preprocessing.mean) / preprocessing.std
    assert torch.allclose(values * 64, torch.arange(-128.0, 128.0, dtype=torch.float64))


def test_existing_file_is_kept(path):
    before = path.read_bytes()
    with pytest.raises(InputError, match="already exists"):
        samnet.save_checkpoint(path, samnet.load_checkpoint(path))
    assert path.read_bytes() == before


def damaged(path, **changes):
    tensors = samnet.load(path).state_dict()
    metadata = {
        "format": "samnet-1",
        "config": json.dumps(CONFIG.to_dict()),
        "preprocessing": json.dumps({"mean": 0.5, "std": 0.25, "size": 96}),
        "training": "{}",
    } | changes
    save_file(tensors, path, metadata)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"config": "{}"},
        {"config": "not json"},
        {"config": json.dumps(samnet.SAMNetConfig().to_dict())},
        {"config": json.dumps(CONFIG.to_dict() | {"attention": "hard"})},
        {"preprocessing": json.dumps({"mean": 0.5, "std": 0.0, "size": 96})},
        {"preprocessing": json.dumps({"mean": "gray"})},
        {"training": "["},
        {"training": "[]"},
        {"config": "[1]"},
        {"config": "null"},
        {"preprocessing": "[]"},
    ],
)
def test_checkpoint_of_something_else(path, changes):
    damaged(path, **changes)
    with pytest.raises(InputError, match=path.name):
        samnet.load_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"\xff" * 300, b"PK\x03\x04 no archive"])
def test_bytes_of_something_else(tmp_path, content):
    file = tmp_path / "x.safetensors"
    file.write_bytes(content)
    with pytest.raises(InputError):
        samnet.load(file)
    with pytest.raises(InputError):
        samnet.load_released(file)


def test_missing_file(tmp_path):
    for load in (samnet.load, samnet.load_released):
        with pytest.raises(InputError, match="no such file"):
            load(tmp_path / "none")


def test_a_folder_is_called_one(tmp_path):
    folder = tmp_path / "net.safetensors"
    folder.mkdir()
    with pytest.raises(InputError, match=r"net\.safetensors: is a folder"):
        samnet.load(folder)


def test_truncated_file(path):
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError):
        samnet.load(path)


class Payload:
    """Would write a file when unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


@pytest.mark.parametrize("writer", [torch.save, lambda x, f: f.write_bytes(pickle.dumps(x))])
def test_code_in_a_pickle_is_not_run(tmp_path, writer):
    file, target = tmp_path / "evil.pth", tmp_path / "ran"
    writer({"weight": Payload(target)}, file)
    with pytest.raises(InputError):
        samnet.load_released(file)
    assert not target.exists()


def test_released_loader_names_what_is_missing(tmp_path):
    file = tmp_path / "other.pth"
    torch.save({"layer.weight": torch.zeros(3)}, file)
    with pytest.raises(InputError, match="not a checkpoint of the released SAMNet"):
        samnet.load_released(file)
