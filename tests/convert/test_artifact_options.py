"""Options that all formats share: floats, strides, accuracy and delegation."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from convert.artifact import cli
from convert.artifact.write import write_artifact
from convert.checks.context import Trial
from edge_apps.manifest import read_manifest
from edge_apps.runtime import load
from samnet.checkpoints.shipped import shipped_weights
from samnet.data.layouts import find_pairs
from samnet.data.synthetic import scene, write_scenes

FORMATS = {".tflite": "tflite", ".pte": "executorch", ".onnx": "onnx"}


@pytest.mark.parametrize("suffix", FORMATS)
def test_floats_a_stride_accuracy_and_delegation(suffix, taught, tmp_path):
    kind = importlib.import_module(f"convert.{FORMATS[suffix]}.command").FORMAT
    write_scenes(tmp_path / "scenes", 2, (72, 96))
    path = tmp_path / f"floats{suffix}"
    done = write_artifact(
        kind,
        taught("stick_breaking"),
        path,
        tensors="float",
        output_stride=4,
        trial=Trial(find_pairs(f"S={tmp_path / 'scenes'}")),
        require_delegated=0.95,
    )
    manifest = read_manifest(path)
    assert (manifest.input.type, manifest.output.type) == ("float32", "float32")
    assert manifest.input.shape == (1, 96, 96, 3) and manifest.output.shape[1:3] == (24, 24)
    assert manifest.accuracy["S"]["count"] == 2 and done.accuracy is not None
    photo = scene(1, (96, 96))[0]
    segment = load(path, threads=1)
    assert segment(photo).shape == (96, 96) and segment(photo).dtype == np.uint8


def test_shipped_weights_go_by_their_name(tmp_path, monkeypatch):
    sources = []
    monkeypatch.setattr(cli, "write_artifact", lambda _, model, *__, **___: sources.append(model))
    monkeypatch.setattr(cli, "describe", str)
    kind = importlib.import_module("convert.tflite.command").FORMAT
    cli.convert(kind, cli.Options(Path("samnet-lite"), tmp_path / "a.tflite", precision="fp32"))
    assert sources == [shipped_weights("samnet-lite")]
    assert sources[0].name == "samnet-lite.safetensors"
    with pytest.raises(InputError, match="leads to fp32 or fp16 or dynamic, not int8"):
        cli.convert(kind, cli.Options(Path("samnet-lite"), tmp_path / "a.tflite", precision="int8"))
    with pytest.raises(InputError, match="samnet-light: suffix is ''"):
        cli.convert(kind, cli.Options(Path("samnet-light"), tmp_path / "a.tflite"))
