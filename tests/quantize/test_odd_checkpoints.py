"""What users give as a checkpoint that is none, to every command that quantizes or converts."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from edge_apps.shipped import FOLDER
from samnet import load_checkpoint, save_checkpoint
from samnet.data.synthetic import write_scenes

COMMANDS = {
    "quantize.ptq": ("--calibration", "{data}/images", "--output", "{new}/x.pt2"),
    "quantize.qat": ("--data", "s={data}", "--output", "{new}", "--cache", "{new}/cache"),
    "quantize.sensitivity": (
        *("--data", "s={data}", "--calibration", "{data}/images", "--json", "{new}/x.json"),
    ),
    "quantize.compare_options": (
        *("--data", "s={data}", "--calibration", "{data}/images", "--json", "{new}/x.json"),
    ),
    "convert.executorch": ("--output", "{new}/x.pte"),
    "convert.tflite": ("--output", "{new}/x.tflite"),
    "convert.onnx": ("--output", "{new}/x.onnx"),
}

SAID = {
    "pickle.safetensors": "saved by torch.save or torch.export, which may run code",
    "saved.safetensors": "saved by torch.save or torch.export, which may run code",
    "empty.safetensors": "an empty file",
    "folder.safetensors": "is a folder, expected a file",
    "cut.safetensors": "cut short, copy it again",
    "tflite.safetensors": "a converted network",
    "text.safetensors": "not a readable safetensors file (header too large)",
    "foreign.safetensors": "format is 'pt', expected 'samnet-1'",
    "infinite.safetensors": "encoder.stages.0.0.conv.weight holds values that are not finite",
    "absent.safetensors": "no such file",
    "cut.pt2": "",
    "pickle.pt2": "",
    "folder.pt2": "is a folder, expected a file",
    "x.pth": "suffix is '.pth', expected",
    "x.onnx": "",
    "x.tflite": "",
}
"""What is said of each by all commands; where it is empty, they differ."""


@pytest.fixture
def odd(taught, bomb, tmp_path):
    """A folder with one of each."""
    folder = tmp_path / "odd"
    write_scenes(folder / "data", 12)
    whole = taught("stick_breaking").read_bytes()
    converted = next(FOLDER.glob("*.tflite")).read_bytes()
    (folder / "empty.safetensors").touch()
    (folder / "folder.safetensors").mkdir()
    (folder / "folder.pt2").mkdir()
    (folder / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (folder / "text.safetensors").write_text("some text\n")
    (folder / "tflite.safetensors").write_bytes(converted)
    (folder / "x.tflite").write_bytes(converted)
    for name in ("x.pth", "x.onnx"):
        (folder / name).write_bytes(whole)
    for name in ("pickle.safetensors", "pickle.pt2"):
        (folder / name).write_bytes(pickle.dumps(bomb))
    torch.save({"weight": bomb}, folder / "saved.safetensors")
    (folder / "cut.pt2").write_bytes((folder / "saved.safetensors").read_bytes()[:-100])
    save_file({"weight": torch.zeros(2)}, folder / "foreign.safetensors", {"format": "pt"})
    broken = load_checkpoint(taught("stick_breaking"))
    with torch.no_grad():
        next(broken.model.parameters())[0] = float("nan")
    save_checkpoint(folder / "infinite.safetensors", broken)
    return folder


@pytest.mark.parametrize("module", COMMANDS)
def test_a_line_and_nothing_left(module, odd, bomb, command, tmp_path):
    new = tmp_path / "new"
    arguments = [it.format(data=odd / "data", new=new) for it in COMMANDS[module]]
    for name, text in SAID.items():
        status, out, err = command(module, "--model", odd / name, *arguments)
        assert (status, err.count("\n")) == (2, 1), (name, err)
        assert err.startswith(f"error: {odd / name}: "), err
        assert text in err, err
        assert "Traceback" not in out + err
        assert not list(new.glob("*")), name
    assert not bomb.mark.exists()


EACH = """
import importlib, sys

for line in sys.stdin.read().splitlines():
    name, *sys.argv[1:] = line.split("|")
    module = importlib.import_module(name)
    if not hasattr(module, "Options"):
        module = importlib.import_module(name + ".command")
    try:
        module.COMMAND.run()
    except SystemExit as ended:
        print(ended.code)
"""
"""Runs every command that a line of standard input names, and prints how it ended."""


def test_unwritable_places_are_found_before_any_work(odd, taught, ordinary, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o555)
    (tmp_path / "file").touch()
    model = str(taught("stick_breaking"))
    lines = [
        "|".join([name, "--model", model, *(it.format(data=odd / "data", new=new) for it in given)])
        for new in (tmp_path / "closed" / "new", tmp_path / "file")
        for name, given in COMMANDS.items()
    ]
    done = subprocess.run(
        [*ordinary, sys.executable, "-c", EACH],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stdout.splitlines().count("2") == len(lines), done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == len(lines) and "Traceback" not in done.stderr
    assert all("cannot be written (Permission denied)" in it for it in errors[: len(COMMANDS)])
    assert all("file: is a file, expected a folder" in it for it in errors[len(COMMANDS) :])
    assert "calibrating" not in done.stderr and not list((tmp_path / "closed").iterdir())
