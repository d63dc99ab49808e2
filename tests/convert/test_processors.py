"""Artifacts on x86 processors of several generations, under qemu.

What it shows: that the kernels which the runtimes pick without AVX-512 and VNNI give the maps of
those that this machine has. What it cannot: how fast anything is, and kernels newer than AVX2,
which qemu does not emulate; a machine that has them runs them in every other test.
"""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from one_module import SCENES, one_module_pte, one_module_tflite
from one_onnx import one_module_onnx

from common.images.photos import resize_photo
from edge_apps.compare.backends import run_child
from edge_apps.compare.worker import run_cpu
from edge_apps.manifest import read_manifest
from edge_apps.shipped import FOLDER
from samnet.data.embedded import embedded_photos

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        platform.machine() != "x86_64", reason="compares with this machine, which is no x86-64"
    ),
    pytest.mark.skipif(
        shutil.which("qemu-x86_64") is None, reason="needs qemu-x86_64; apt-get install qemu-user"
    ),
]

PROCESSORS = ("Haswell", "EPYC")
"""The oldest with AVX2, and a newer one; neither has VNNI."""

SAME = {".tflite": 0, ".pte": 1, ".onnx": 0}
"""Steps by which an int8 map may differ; a ``.pte`` resizes in float, where a code can tip over."""

MAKERS = {
    ".tflite": lambda attention: one_module_tflite(attention, "int8"),
    ".pte": one_module_pte,
    ".onnx": one_module_onnx,
}


def maps(processor: str, model: Path, frames: np.ndarray) -> np.ndarray:
    python = ["qemu-x86_64", "-cpu", processor, sys.executable]
    return run_child(python, "cpu", model, frames, 1).maps.astype(int)


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("suffix", MAKERS)
def test_every_format_gives_the_maps_of_this_processor(
    suffix: str, processor: str, tmp_path: Path
) -> None:
    model = tmp_path / f"one{suffix}"
    model.write_bytes(MAKERS[suffix]("stick_breaking"))
    frames = np.stack([photo for _, photo in SCENES])
    here, _ = run_cpu(model, frames, 1, 0)
    assert np.ptp(here) > 20
    assert np.abs(maps(processor, model, frames) - here).max() <= SAME[suffix]


def test_onnxruntime_without_options_is_exact(quantized, tmp_path: Path) -> None:
    """A whole network, whose weights of eight bits gave maps up to 140 of 255 away."""
    from convert.onnx.command import convert_onnx
    from quantize.quantized_program import save_program

    save_program(tmp_path / "x.pt2", quantized("stick_breaking"))
    model = convert_onnx(tmp_path / "x.pt2", tmp_path / "x.onnx").path
    frames = np.stack([resize_photo(it.photo, (96, 96)) for it in embedded_photos()[:3]])
    here, _ = run_cpu(model, frames, 1, 0)
    assert np.array_equal(maps("Haswell", model, frames), here)


@pytest.mark.parametrize("model", sorted(FOLDER.glob("*.tflite")), ids=lambda path: path.name)
def test_shipped_files(model: Path) -> None:
    size = read_manifest(model).size
    frames = np.stack([resize_photo(it.photo, (size, size)) for it in embedded_photos()[:2]])
    here, _ = run_cpu(model, frames, 1, 0)
    assert np.abs(maps("Haswell", model, frames) - here).max() <= 1
