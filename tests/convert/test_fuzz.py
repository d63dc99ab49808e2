"""Readers fed with damaged files: one line for each, and no exception of another kind."""

from __future__ import annotations

import json

import pytest
from fuzz import counts, damaged, findings, fuzz
from one_module import one_module_pte, one_module_tflite
from one_onnx import one_module_onnx

from common.errors import InputError
from common.files import sha256
from edge_apps.backends.onnx import ZERO_POINT
from edge_apps.manifest import Delegation, Interface, Manifest, manifest_path, write_manifest
from edge_apps.runtime import load

FAST, SLOW = 50, 2500
READERS = ["load .tflite", "load .onnx", "checkpoint .safetensors", "manifest .json"]


@pytest.fixture
def base(tmp_path, edge_checkpoint):
    def make(suffix):
        path = tmp_path / f"base{suffix}"
        if suffix == ".json":
            side = Interface((1, 96, 96, 3), "NHWC", "uint8", 1 / 64, 128)
            took = Delegation("XNNPACK", 1, 2, {"QUANTIZE": 1}, {"QUANTIZE": "the sign bit"})
            versions = {"torch": "2.13.0"}
            write_manifest(
                tmp_path / "base",
                Manifest(
                    *("0" * 64, "x.pt2", "1" * 64, {"width": 0.25}, "litert-torch", versions),
                    *("int8", 96, None, side, side, {"int8": {"mean": 0.1}}, took),
                ),
            )
            return manifest_path(tmp_path / "base")
        path.write_bytes(
            {
                ".tflite": lambda: one_module_tflite("", "int8"),
                ".onnx": lambda: one_module_onnx(""),
                ".pte": lambda: one_module_pte(""),
                ".safetensors": edge_checkpoint.read_bytes,
            }[suffix]()
        )
        return path

    return make


@pytest.mark.parametrize("reader", READERS)
def test_two_hundred_damaged_files(reader, base, tmp_path):
    reader, suffix = reader.split()
    found = fuzz(reader, base(suffix), tmp_path, range(FAST))
    assert len(found) == FAST and counts(found)["refused"] > FAST / 4
    assert not findings(found)


@pytest.mark.parametrize(
    ("suffix", "name"), [(".tflite", b"photo"), (".onnx", ZERO_POINT.encode())]
)
def test_names_that_are_no_text(base, suffix, name):
    path = base(suffix)
    content = path.read_bytes()
    assert name in content
    path.write_bytes(content.replace(name, b"\xff" * len(name)))
    with pytest.raises(InputError, match="damaged or foreign"):
        load(path)


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_ten_thousand_damaged_files(reader, base, tmp_path):
    reader, suffix = reader.split()
    found = fuzz(reader, base(suffix), tmp_path, range(SLOW))
    print(reader, suffix, dict(counts(found)))
    unexpected = findings(found)
    if reader == "load":
        # Native runtimes verify a file's structure, not every number in it: a few flipped bits
        # take one down or keep it busy. A manifest's hash refuses such a file before that.
        assert len(unexpected) < SLOW / 100
        assert all(outcome.startswith("SIG") for outcome in unexpected.values())
    else:
        assert not unexpected


@pytest.mark.parametrize("suffix", [".tflite", ".pte", ".onnx"])
def test_a_manifest_refuses_damage_before_a_native_reader_sees_it(base, tmp_path, suffix):
    path = base(suffix)
    content = path.read_bytes()
    values = json.loads(base(".json").read_text(encoding="utf-8"))
    values["sha256"] = sha256(path)
    manifest_path(path).write_text(json.dumps(values), encoding="utf-8")
    for seed in range(100):
        path.write_bytes(changed := damaged(content, seed))
        if changed != content:
            with pytest.raises(InputError, match="hash"):
                load(path)
