"""Inspection: everything of a file that can be read, one line for what cannot, nothing executed."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import onnx
import pytest
from fuzz import damaged
from one_module import SIZE, one_module_pte, one_module_tflite
from one_onnx import one_module_onnx

from common.errors import InputError
from convert.inspect.command import describe
from convert.inspect.isolated_reader import answer, read_isolated
from convert.tflite.metadata import Description, with_metadata
from convert.tflite.metadata_reader import read_metadata
from edge_apps.maps.coding import LOGITS


@pytest.fixture
def write(tmp_path):
    def put(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return put


def products(found: dict) -> tuple[int, int]:
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "Conv", "XNNConv2d", "XNNDepthwiseConv2d")
    taken = [entry for entry in found["operations"] if entry["kind"] in kinds]
    return sum(e["count"] for e in taken), sum(e["multiply_adds"] for e in taken)


def test_three_formats_of_one_network_tell_the_same(write):
    files = {
        "x.tflite": one_module_tflite("", "int8"),
        "x.pte": one_module_pte(""),
        "x.onnx": one_module_onnx(""),
    }
    # A 3 x 3 stem of stride 2 and a 1 x 1 head on 8 channels.
    expected = (2, (SIZE // 2) ** 2 * (8 * 27 + 8))
    for name, content in files.items():
        found = answer(write(name, content))
        assert "error" not in found, found
        assert products(found) == expected, name
        assert found["inputs"][0]["shape"] == (1, SIZE, SIZE, 3)
        assert found["inputs"][0]["type"] == found["outputs"][0]["type"] == "uint8"
        assert found["delegation"]["inside"] >= 2 and found["manifest"] is None
        assert json.dumps(found) and ", 0.1 M multiply-adds" in describe(found)
        assert "at least" not in describe(found)


def test_quantization_and_metadata_of_an_onnx(write):
    found = answer(write("x.onnx", one_module_onnx("")))
    photo = found["inputs"][0]
    assert (photo["type"], photo["scale"], photo["zero_point"]) == ("uint8", 1 / 64, 128)
    assert found["metadata"]["license"] == "Apache-2.0"


def test_metadata_of_a_tflite_is_read(write):
    content = one_module_tflite("", "int8")
    file = with_metadata(content, Description("one", "a test", SIZE, 128.0, 64.0, True, LOGITS))
    found = answer(write("x.tflite", file))
    metadata = found["metadata"]["TFLITE_METADATA"]
    assert (metadata["name"], metadata["license"]) == ("one", "Apache-2.0")
    assert "RGB image, normalized by (value - 128) / 64, -2 to 1.98438" in metadata["input photo"]
    assert "grayscale image, -8 to 7.9375, labels.txt" in metadata["output map"]
    assert metadata["activation"] == "sigmoid"
    assert "    license: Apache-2.0\n" in describe(found)


def test_damaged_metadata_of_a_tflite_is_a_note(write):
    file = with_metadata(
        one_module_tflite("", "int8"), Description("one", "a test", SIZE, 128.0, 64.0, True, LOGITS)
    )
    start = file.index(b"M001") - 4
    assert file.count(b"M001") == 1
    broken = file[:start] + b"\xff\xff\0\0" + file[start + 4 :]
    found = answer(write("x.tflite", broken))
    assert found["inputs"][0]["type"] == "uint8"
    assert any("TFLITE_METADATA is damaged" in note for note in found["notes"])


def test_metadata_of_any_bytes_is_read_or_refused(write):
    file = with_metadata(
        one_module_tflite("", "int8"), Description("one", "a test", SIZE, 128.0, 64.0, True, LOGITS)
    )
    start = file.index(b"M001") - 4
    whole = file[start : start + 1200]
    came = Counter()
    for seed in range(1000):
        try:
            read_metadata(damaged(whole, seed))
        except InputError:
            came["refused"] += 1
        else:
            came["read"] += 1
    assert min(came["refused"], came["read"]) > 50


def test_multiply_adds_that_are_not_known_are_said_to_be():
    operations = [
        {"kind": "CONV_2D", "count": 1, "multiply_adds": 2_000_000},
        {"kind": "ADD", "count": 3, "multiply_adds": 0},
        {"kind": "CUSTOM Own", "count": 1, "multiply_adds": None},
    ]
    tensors = {"inputs": [], "outputs": [], "notes": [], "metadata": {}}
    about = {"path": "x", "kind": "tflite", "bytes": 1, "sha256": "0", "manifest": None}
    text = describe({**tensors, **about, "operations": operations, "delegation": None})
    assert "5 operations, at least 2.0 M multiply-adds" in text
    assert "1 CUSTOM Own, multiply-adds not known" in text and "3 ADD\n" in text


def test_a_foreign_network_is_described_and_a_wrong_name_noted(write):
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "other",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2, 3])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [2, 5])],
        [onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [3, 5], [0.0] * 15)],
    )
    opset = [onnx.helper.make_opsetid("", 20)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)
    found = answer(write("other.onnx", model.SerializeToString()))
    assert found["operations"][0]["multiply_adds"] == 30 and found["inputs"][0]["shape"] == (2, 3)
    renamed = answer(write("x.pte", one_module_tflite("", "int8")))
    assert renamed["kind"] == "tflite" and ".tflite" in renamed["notes"][0]


def test_a_checkpoint_and_its_numbers(edge_checkpoint):
    found = answer(edge_checkpoint)
    assert found["kind"] == "safetensors" and found["metadata"]["format"] == "samnet-1"
    assert "numbers" in found["metadata"]["tensors F32"]


def test_pickles_are_not_read(write, bomb, tmp_path):
    pickled = pickle.dumps(bomb)
    path = tmp_path / "zip.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", pickled)
    for found in (answer(write("bomb.pt2", pickled)), answer(path)):
        assert "pickle" in found["error"] and "\n" not in found["error"]
    assert not bomb.mark.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.tflite", b""),
        ("header.safetensors", (2 << 30).to_bytes(8, "little") + b"{" + b" " * 64),
        ("text.onnx", b"not a network at all"),
        ("start.pte", b"\x20\0\0\0ET12" + b"\xff" * 64),
        ("start.tflite", b"\x20\0\0\0TFL3" + b"\xff" * 64),
        ("zip.pt2", b"PK\x03\x04" + b"\0" * 64),
    ],
)
def test_damaged_files_give_one_line(write, name, content):
    found = answer(write(name, content))
    assert name in found["error"] and "\n" not in found["error"]


def test_a_reader_that_crashes_is_reported(write, monkeypatch):
    import convert.inspect.isolated_reader

    path = write("x.onnx", one_module_onnx(""))
    # A reader that kills itself stands for one that a file takes down.
    suicide = [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"]
    run = subprocess.run
    monkeypatch.setattr(
        convert.inspect.isolated_reader.subprocess,
        "run",
        lambda command, **options: run(suicide, **options),
    )
    with pytest.raises(InputError, match="SIGSEGV"):
        read_isolated(path)


def test_a_reader_that_does_not_end_is_ended(write, monkeypatch):
    import convert.inspect.isolated_reader

    path = write("x.onnx", one_module_onnx(""))
    monkeypatch.setattr(convert.inspect.isolated_reader, "SECONDS", 1)
    # A grandchild that keeps the streams open must not keep us waiting either.
    sleeper = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '20'])"]
    run = subprocess.run
    monkeypatch.setattr(
        convert.inspect.isolated_reader.subprocess,
        "run",
        lambda command, **options: run(sleeper, **options),
    )
    began = time.monotonic()
    with pytest.raises(InputError, match="not read after 1 s"):
        read_isolated(path)
    assert time.monotonic() - began < 15


def test_the_command(write, tmp_path, edge_checkpoint):
    command = [sys.executable, "-m", "convert.inspect"]
    good = subprocess.run(
        [*command, str(edge_checkpoint), "--json", str(tmp_path / "out.json")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert good.returncode == 0 and "safetensors" in good.stdout, good.stderr
    assert json.loads((tmp_path / "out.json").read_text())["kind"] == "safetensors"
    bad = [*command, str(write("x.tflite", b"\0\0\0\0TFL3"))]
    done = subprocess.run(bad, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not done.stdout
