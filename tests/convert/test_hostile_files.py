"""Hostile files given to the commands: status 2, one line, nothing run, nothing written."""

from __future__ import annotations

import importlib
import json
import pickle
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from one_module import one_module_pte

from edge_apps import shipped
from edge_apps.manifest import manifest_path
from edge_apps.program.device_program import COMMAND

CONVERTERS = ("tflite", "executorch", "onnx")
SUFFIXES = dict(zip(CONVERTERS, (".tflite", ".pte", ".onnx"), strict=True))


def hostile(name: str, folder: Path, bomb: object) -> Path:
    """Writes a hostile source; its name says what it is."""
    path, pickled = folder / name, pickle.dumps(bomb)
    if name.startswith("zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x/data.pkl", pickled)
            archive.writestr("x/version", b"3\n")
    elif name.startswith("header"):
        path.write_bytes((2 << 30).to_bytes(8, "little") + b"{" + b" " * 64)
    elif name.startswith("pte"):
        path.write_bytes(one_module_pte(""))
    else:
        path.write_bytes(pickled)
    return path


@pytest.mark.parametrize("converter", CONVERTERS)
@pytest.mark.parametrize(
    "name",
    [
        *("pickle.safetensors", "pickle.pt2", "zip.safetensors", "zip.pt2"),
        *("header.safetensors", "header.pt2", "pte.safetensors", "pte.pt2"),
    ],
)
def test_no_converter_runs_what_a_source_holds(converter, name, command, bomb, tmp_path):
    source = hostile(name, tmp_path, bomb)
    output = tmp_path / "out" / f"x{SUFFIXES[converter]}"
    output.parent.mkdir()
    status, _, said = command(f"convert.{converter}", "--model", source, "--output", output)
    assert status == 2 and said.count("\n") == 1 and name in said
    assert not bomb.mark.exists() and not list(output.parent.iterdir())


@pytest.mark.parametrize("name", ["pickle.safetensors", "zip.safetensors", "header.safetensors"])
def test_no_quantizer_runs_what_a_checkpoint_holds(name, command, scenes, bomb, tmp_path):
    source, output = hostile(name, tmp_path, bomb), tmp_path / "x.pt2"
    status, _, said = command(
        *("quantize.ptq", "--model", source, "--calibration", scenes / "images", "--output", output)
    )
    assert status == 2 and said.count("\n") == 1 and name in said
    assert not bomb.mark.exists() and not output.exists()


@pytest.fixture
def segment(tmp_path, monkeypatch, capsys):
    """Runs the program for the desktop on an artifact; gives status and errors."""
    from PIL import Image

    photo = tmp_path / "photo.png"
    Image.new("RGB", (40, 30)).save(photo)

    def run(model: Path) -> tuple[int, str]:
        arguments = ["desktop", photo, "--model", model, "--output", tmp_path / "maps"]
        monkeypatch.setattr(sys, "argv", [str(it) for it in arguments])
        with pytest.raises(SystemExit) as ended:
            COMMAND.run()
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_pte_that_is_called_tflite_is_refused(with_manifest, segment, tmp_path):
    false = tmp_path / "false.tflite"
    if with_manifest:
        (true,) = shipped.FOLDER.glob("*.pte")
        shutil.copy(true, false)
        shutil.copy(manifest_path(true), manifest_path(false))
    else:
        false.write_bytes(one_module_pte(""))
    status, said = segment(false)
    assert status == 2 and said.count("\n") == 1 and "false.tflite" in said


@pytest.mark.parametrize("source", ["../../secret", "/etc/passwd", "..", "a\\b"])
def test_a_manifest_that_points_outside_its_folder_is_refused(source, segment, tmp_path):
    (true,) = shipped.FOLDER.glob("*_int8.tflite")
    model = Path(shutil.copy(true, tmp_path))
    values = json.loads(manifest_path(true).read_text(encoding="utf-8"))
    values["source"] = source
    manifest_path(model).write_text(json.dumps(values), encoding="utf-8")
    status, said = segment(model)
    assert status == 2 and said.count("\n") == 1 and "without a folder" in said
    said = importlib.import_module("convert.inspect.isolated_reader").answer(model)
    assert "error" not in said and "without a folder" in " ".join(said["notes"])
