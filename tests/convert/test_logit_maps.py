"""Artifacts give logits as bytes and say so; programs made before convert to what they gave."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest
import torch
from one_module import SCENES, SIZE, one_module, one_module_int8, one_module_pte, one_module_tflite
from one_onnx import one_module_onnx

from convert.tflite.metadata import Description, with_metadata
from edge_apps.maps.coding import LOGITS
from edge_apps.runtime import SUFFIXES, load
from quantize.calibration import normalize
from quantize.quantized_program import CODINGS, QuantizedProgram, load_program
from samnet import Preprocessing

MAKE = {
    ".tflite": lambda attention: one_module_tflite(attention, "int8"),
    ".pte": one_module_pte,
    ".onnx": one_module_onnx,
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_logits_and_says_so(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(MAKE[suffix]("stick_breaking"))
    segmenter = load(path, threads=1)
    assert segmenter.coding == LOGITS
    for _, photo in SCENES:
        with torch.no_grad():
            values = one_module("stick_breaking")(normalize(photo, Preprocessing()))[0, 0]
        logits = (segmenter.run(photo).astype(float) - 128) / 16
        # int8 against float: what is compared is the meaning of the bytes.
        assert np.abs(logits - values.numpy().clip(-8, 7.94)).mean() < 0.25
        assert np.ptp(values.numpy()) > 1


def test_a_tflite_tells_in_its_metadata_what_to_do_with_bytes() -> None:
    for floats, value in ((False, b"logit = (byte - 128) / 16;"), (True, b"logit = value;")):
        said = Description("one", "a test", SIZE, 128.0, 64.0, floats, LOGITS)
        content = with_metadata(one_module_tflite("", "int8"), said)
        assert value in content and b"probability = 1 / (1 + exp(-logit))" in content
        assert np.float32(-8).tobytes() in content or not floats


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> QuantizedProgram:
    """A program of one module that the version before maps became logits has written."""
    path = tmp_path_factory.mktemp("before") / "one.pt2"
    packed = Path(__file__).with_name("before") / "one.pt2.xz"
    path.write_bytes(lzma.decompress(packed.read_bytes()))
    return load_program(path)


def test_a_program_made_before_gives_probabilities(before: QuantizedProgram) -> None:
    assert before.info.map == "probability" and before.info.stride == 1
    assert before.coding == CODINGS["probability"] and before.coding.scale == 1 / 256
    saliency_map = before(SCENES[0][1])
    assert saliency_map.shape == (SIZE, SIZE) and np.array_equal(
        saliency_map, before.run(SCENES[0][1])
    )
    assert one_module_int8("stick_breaking").info.map == "logits"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_program_made_before_converts(
    suffix: str, before: QuantizedProgram, tmp_path: Path
) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(_converted(suffix, before))
    segmenter = load(path, threads=1)

    assert segmenter.coding.kind == "probability"
    for _, photo in SCENES[:3]:
        difference = np.abs(segmenter.run(photo).astype(int) - before.run(photo))
        assert difference.max() <= 3 and difference.mean() < 0.5


def _converted(suffix: str, program: QuantizedProgram) -> bytes:
    from convert.executorch.lowering import PhotoToMap, fold_weights, lower
    from convert.onnx.export import CodesInAndOut, export, metadata_of
    from convert.tflite import litert

    coding = program.coding
    if suffix == ".tflite":
        return litert.convert_int8(program)
    weights = fold_weights(program.exported)
    if suffix == ".pte":
        module = PhotoToMap(weights, 1 / 64, 2.0, coding, codes=True)
        return lower(module, SIZE, coding=coding)[0]
    said = metadata_of({"mean": 0.5, "std": 0.25}, SIZE, {"name": "one"}, coding)
    return export(CodesInAndOut(weights, coding), SIZE, said).SerializeToString()
