"""The engine through ONNX and TensorFlow: corrected from outside, watched, without network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from one_module import SCENES, one_module

from common.errors import InputError
from convert.checks.maps import compare
from convert.tflite import onnx2tf
from convert.tflite.interface import INT8_INPUT, with_interface
from convert.tflite.litert import float_interface
from convert.tflite.onnx2tf import check_resizes, process
from edge_apps.backends.tflite import open_tflite
from edge_apps.maps.coding import LOGITS
from samnet import Preprocessing

pytest.importorskip("onnx2tf", reason="needs the extra `tflite`")


@pytest.fixture(scope="module")
def bare() -> bytes:
    """One module between float tensors."""
    return onnx2tf.bare_float(one_module("stick_breaking"), Preprocessing())  # type: ignore[arg-type]


def reference(photo: np.ndarray) -> np.ndarray:
    import torch

    from samnet.networks.deployed import ByteInterface

    with torch.no_grad():
        whole = ByteInterface(one_module("stick_breaking"), Preprocessing()).eval()
        return whole(torch.from_numpy(photo)[None])[0].numpy()


def test_floats_are_the_network(bare: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(float_interface(bare, Preprocessing(), "bytes"))
    found = compare(open_tflite(path, 1).run, reference, "torch", SCENES)
    assert found.steps_max <= 1 and found.mean < 0.01


def test_int8_with_scales_of_tensorflow(tmp_path: Path) -> None:
    photos = [photo for _, photo in SCENES]
    content = onnx2tf.bare_int8(one_module("stick_breaking"), Preprocessing(), photos)  # type: ignore[arg-type]
    (scale, zero_point), saliency_map = INT8_INPUT, (LOGITS.scale, LOGITS.zero_point)
    ends = ((scale, zero_point + 128), saliency_map)
    path = tmp_path / "x.tflite"
    path.write_bytes(with_interface(content, "bytes", *ends))
    found = compare(open_tflite(path, 1).run, reference, "torch", SCENES)
    assert found.mean < 2 and found.within_2 > 0.75
    assert np.ptp(reference(SCENES[0][1])) > 20


def test_int8_needs_photos() -> None:
    with pytest.raises(InputError, match="--calibration"):
        onnx2tf.bare_int8(one_module("stick_breaking"), Preprocessing(), [])  # type: ignore[arg-type]


def test_a_resize_without_aligned_corners_is_an_error(bare: bytes) -> None:
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    check_resizes(bare, 1)
    with pytest.raises(InputError, match="wrote 1 bilinear resizes of 2, 0 of them without"):
        check_resizes(bare, 2)
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(bare))
    codes = [code.builtinCode for code in model.operatorCodes]
    resize = codes.index(schema.BuiltinOperator.RESIZE_BILINEAR)
    (one,) = (o for o in model.subgraphs[0].operators if o.opcodeIndex == resize)
    one.builtinOptions.alignCorners = False
    wrong = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    with pytest.raises(InputError, match="1 of them without aligned corners"):
        check_resizes(wrong, 1)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("", "its download of photos or its resize stands elsewhere"),
        ("import requests; requests.get('http://0.0.0.0/photos')", "it asks the network for"),
        ("raise RuntimeError('no such operator')", "no such operator"),
    ],
)
def test_another_version_is_noticed(
    module: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for onnx2tf that has other places, asks the network, or stumbles."""
    package = tmp_path / "packages" / "onnx2tf"
    (package / "ops").mkdir(parents=True)
    places = "def download_test_image_data(): pass" if module else ""
    (package / "__init__.py").write_text(f"def convert(**_):\n    {module or 'pass'}\n")
    (package / "onnx2tf.py").write_text(places)
    (package / "ops" / "__init__.py").write_text("")
    (package / "ops" / "Resize.py").write_text("def make_node(**_): pass")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(InputError, match=expected) as error:
        process(work, "fp32")
    assert "\n" not in str(error.value) and str(error.value).endswith("--engine litert")


def test_what_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "onnx2tf"
    package.mkdir()
    (package / "__init__.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(onnx2tf, "SECONDS", 1)
    with pytest.raises(InputError, match="did not end within 1 s"):
        process(tmp_path, "fp32")
