"""Options that all formats share: floats, strides, accuracy and delegation."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from convert.artifact.write import write_artifact
from convert.checks.context import Trial
from edge_apps.manifest import read_manifest
from edge_apps.runtime import load
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
