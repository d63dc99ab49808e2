"""Interleaved timing of real files, and of workers that misbehave."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.demo.steps import Steps
from benchmarks.latency import artifact_cache as artifact_cache_module
from benchmarks.latency import interleaved as interleaved_module
from benchmarks.latency.artifact_cache import ArtifactCache
from benchmarks.latency.case import LatencyCase
from benchmarks.latency.cases import CaseList
from benchmarks.latency.command import Options, main
from benchmarks.latency.engines import quiet_openvino
from benchmarks.latency.input_feeder import feeder
from benchmarks.latency.interleaved import latency_row, time_interleaved
from benchmarks.latency.openvino_int8 import quantize_openvino
from benchmarks.latency.table import cells, markdown, protocol, remarks
from benchmarks.peers.interface import Interface, Quantization
from benchmarks.peers.table import PEERS
from benchmarks.regression.model_cost import megabytes, multiply_adds
from benchmarks.results.reader import read_result
from benchmarks.results.speed_kinds import Latency, LatencyRow, Times
from common.errors import InputError
from common.files import sha256
from edge_apps.shipped import FOLDER, default_model

PHOTO = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
INT8 = default_model()


def latency_case(file, engine="litert", **more):
    return LatencyCase("net", engine, "int8", str(file), None, 1, **more)


def test_what_works_is_timed_and_what_does_not_is_a_row(tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing of the kind")
    given = [latency_case(INT8), latency_case(broken), latency_case("", failure="was not made")]
    good, bad, absent = (
        latency_row(row) for row in time_interleaved(given, PHOTO, repetitions=3, warm_up=1)
    )
    times = good.latency_ms
    assert list(good.size) == [256, 256]
    assert 0 < times.minimum <= times.median <= times.p90 <= good.cold_start_ms
    assert 1 < good.peak_MB < good.process_MB < 300
    assert "broken.tflite" in bad.failure
    assert bad.latency_ms is None
    assert absent.failure == "was not made"


def worker(tmp_path, monkeypatch, script):
    """Replaces the workers' program; ``name`` is the case's network, ``log`` a file."""
    path = tmp_path / "worker.py"
    head = "import json, os, signal, sys, time\norder = json.loads(sys.stdin.readline())\n"
    head += f"name, log = order['latency_case']['network'], {str(tmp_path / 'log')!r}\n"
    head += "tell = lambda **it: print(json.dumps(it), flush=True)\n"
    path.write_text(head + script, encoding="utf-8")
    monkeypatch.setattr(interleaved_module, "WORKER", [sys.executable, str(path)])


def test_a_crash_is_a_row_that_says_how_it_ended(tmp_path, monkeypatch):
    script = "sys.stderr.write('out of luck\\n'); sys.stderr.flush()\n"
    worker(tmp_path, monkeypatch, script + "os.kill(os.getpid(), signal.SIGSEGV)")
    (row,) = time_interleaved([latency_case(INT8)], PHOTO, repetitions=1)
    assert row.failure == "its process ended with SIGSEGV (out of luck)"


def test_a_case_that_hangs_is_given_up(tmp_path, monkeypatch):
    worker(tmp_path, monkeypatch, "time.sleep(60)")
    monkeypatch.setattr(interleaved_module, "OPENING", 0.3)
    (row,) = time_interleaved([latency_case(INT8)], PHOTO, repetitions=1)
    assert "no answer within" in row.failure


TURNS = """
tell(import_s=0, cold_start_s=1, size=[8, 8])
for line in sys.stdin:
    open(log, "a").write(name + "\\n")
    tell(seconds=[0.001], waited=0, peak_MB=1, process_MB=2)
    while name == "spins":
        open(log, "a").write("spun\\n")
"""


def test_cases_take_turns_and_stand_still_in_between(tmp_path, monkeypatch):
    worker(tmp_path, monkeypatch, TURNS)
    given = [
        LatencyCase(name, "litert", "fp32", "x", None, 1) for name in ("first", "second", "third")
    ]
    rows = time_interleaved(given, PHOTO, repetitions=2, warm_up=1)
    assert (tmp_path / "log").read_text().split() == ["first", "second", "third"] * 3
    assert [row.figures["latency_ms"]["median"] for row in rows] == [1.0] * 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows stops no process")
def test_a_case_that_spins_is_stopped(tmp_path, monkeypatch):
    worker(tmp_path, monkeypatch, TURNS)
    grown = []

    class Watched(interleaved_module.TimedProcess):
        def pause(self):
            super().pause()
            if self.last:
                time.sleep(0.1)
                before = (tmp_path / "log").stat().st_size
                time.sleep(0.1)
                grown.append((tmp_path / "log").stat().st_size - before)

    monkeypatch.setattr(interleaved_module, "TimedProcess", Watched)
    time_interleaved(
        [LatencyCase("spins", "litert", "fp32", "x", None, 1)], PHOTO, repetitions=1, warm_up=0
    )
    assert grown == [0]


def test_no_process_is_left_after_an_interruption(monkeypatch):
    processes = []

    class Interrupted(interleaved_module.TimedProcess):
        def turn(self, runs, *, timed):
            processes.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr(interleaved_module, "TimedProcess", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        time_interleaved([latency_case(INT8)], PHOTO, repetitions=1)
    assert processes[0]._process.poll() is not None


@pytest.mark.parametrize(
    ("shape", "kind", "expected", "size"),
    [
        ((1, 4, 6, 3), "uint8", (1, 4, 6, 3), (4, 6)),
        ((1, 4, 6, 3), "float32", (1, 4, 6, 3), (4, 6)),
        ((1, 3, 4, 6), "float32", (1, 3, 4, 6), (4, 6)),
    ],
)
def test_photos_are_fed_as_networks_want_them(shape, kind, expected, size):
    feed, found = feeder("net", shape, kind)
    assert found == size
    photo = np.full((*size, 3), 255, np.uint8)
    fed = feed(photo)
    assert (fed.shape, fed.dtype) == (expected, np.dtype(kind))
    if kind == "float32":
        assert fed.max() == pytest.approx((1 - 0.406) / 0.225, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "quantization", "expected"),
    [
        ("float32", None, 0.5),
        ("uint8", Quantization(1 / 255, 0), 128),
        ("uint8", Quantization(2 / 255, 10), 74),
        ("int8", Quantization(1 / 255, -128), 0),
    ],
)
def test_what_is_known_of_a_network_decides_its_input(kind, quantization, expected):
    unit = Interface((0,) * 3, (1,) * 3)
    feed, _ = feeder("net", (1, 4, 6, 3), kind, unit, quantization)
    fed = feed(np.full((4, 6, 3), 128, np.uint8))
    assert fed.shape == (1, 4, 6, 3) and fed.dtype == np.dtype(kind)
    assert fed == pytest.approx(expected, abs=0.01)


def test_channels_may_have_codes_of_their_own():
    interface = Interface((0, 0.5, 0), (1, 1, 1))
    feed, _ = feeder("net", (1, 3, 4, 6), "int8", interface, Quantization(1 / 255, -128))
    fed = feed(np.full((4, 6, 3), 255, np.uint8))
    assert fed[0, :, 0, 0] == pytest.approx([127, 0, 127], abs=1)


@pytest.mark.parametrize("shape", [("N", 3, 4, 4), (2, 3, 4, 4), (1, 4, 4, 4), (1, 3, 4)])
def test_what_takes_no_single_photo_is_named(shape):
    with pytest.raises(InputError, match=r"net: takes .* expected one photo of a fixed size"):
        feeder("net", shape, "float32")


class Factory:
    """Makes names in place of files, and fails for int8."""

    def checkpoint(self, name):
        return Path(f"{name}.safetensors"), "remark"

    def artifact(self, source, size, precision, suffix):
        if precision == "int8":
            raise InputError("a scale is lost")
        return Path(f"{source.stem}_{size}_{precision}{suffix}")

    def openvino(self, source):
        return Path("x_int8.xml")


def latency_cases(*engines, precisions=("fp32", "int8"), threads=(1,), sizes=(96,)):
    return CaseList(engines, precisions, sizes, threads, Factory(), Path("nowhere"))


def test_a_name_stands_for_all_forms_at_all_sizes_and_threads():
    found = latency_cases("torch", "litert", "openvino", threads=(1, 2), sizes=(96, 128)).cases(
        ["dfanet"]
    )
    # PyTorch in fp32, the others in fp32 and int8.
    assert len(found) == (1 + 2 + 2) * 2 * 2
    assert {it.remark for it in found} == {"remark"}
    failed = [it for it in found if it.failure]
    assert {(it.engine, it.precision) for it in failed} == {("litert", "int8")}
    assert {it.failure for it in failed} == {"a scale is lost"}


def test_a_name_may_say_its_engines():
    found = latency_cases("litert", "onnxruntime").cases(["dfanet@onnxruntime", "samnet-edge"])
    assert {it.engine for it in found if it.network == "dfanet"} == {"onnxruntime"}
    assert {it.engine for it in found if it.network != "dfanet"} == {"litert", "onnxruntime"}
    with pytest.raises(InputError, match="did you mean 'litert'"):
        latency_cases("litert").cases(["dfanet@litrt"])


def test_a_peer_runs_in_its_own_precision_and_one_that_is_missing_is_a_row(monkeypatch):
    def fetch(name, folder, suffix):
        if name == "isnet":
            raise InputError("no such host")
        return folder / f"{name}{suffix}"

    monkeypatch.setattr("benchmarks.latency.cases.fetch", fetch)
    found = latency_cases("litert", "onnxruntime", "openvino").cases([*PEERS])
    forms = [(it.network, it.engine, it.precision, bool(it.failure)) for it in found]
    assert forms == [
        ("u2netp", "onnxruntime", "fp32", False),
        ("u2netp", "openvino", "fp32", False),
        ("u2netp", "openvino", "int8", False),
        ("admnet", "onnxruntime", "fp32", False),
        ("admnet", "openvino", "fp32", False),
        ("admnet", "openvino", "int8", False),
        ("admnet", "litert", "fp32", False),
        ("isnet", "onnxruntime", "int8", True),
        ("isnet", "openvino", "int8", True),
        ("selfie", "litert", "fp32", False),
        ("prisma", "litert", "int8", False),
        ("portrait", "litert", "int8", False),
    ]
    assert [it.file for it in found if it.network == "prisma"] == ["nowhere/prisma.tflite"]


def test_an_artifact_stands_for_itself():
    (found,) = latency_cases("torch", "litert", "openvino").cases([str(INT8)])
    assert (found.engine, found.precision, found.file) == ("litert", "int8", str(INT8))


def test_what_may_not_be_made_is_left_out(tmp_path, edge_checkpoint, monkeypatch):
    monkeypatch.setattr(
        artifact_cache_module, "is_current", lambda path, _: path.name.endswith("_fp32.onnx")
    )
    kept = ArtifactCache(tmp_path, Steps(None, tmp_path / "log"), make=False)
    engines = ("torch", "litert", "onnxruntime", "openvino")
    given = CaseList(engines, ("fp32", "int8"), (96,), (1,), kept, tmp_path)
    found = given.cases([str(edge_checkpoint), "dfanet"])
    assert [(it.engine, it.precision, it.failure) for it in found] == [
        ("torch", "fp32", ""),
        ("onnxruntime", "fp32", ""),
        ("openvino", "fp32", ""),
    ]
    with pytest.raises(InputError, match="none of dfanet"):
        given.cases(["dfanet"])


@pytest.fixture
def products(tmp_path):
    """A small network as OpenVINO's ``.xml`` in float and, by NNCF, in int8."""
    pytest.importorskip("nncf")
    quiet_openvino()
    openvino = pytest.importorskip("openvino")
    source = tmp_path / "net.onnx"
    shape = [1, 3, 16, 16]
    weights = np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["photo", "w"], ["map"], pads=[1, 1, 1, 1])],
        "net",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("map", TensorProto.FLOAT, [1, 8, 16, 16])],
        [numpy_helper.from_array(weights, "w")],
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), source)
    plain, quantized = tmp_path / "plain.xml", tmp_path / "quantized.xml"
    openvino.save_model(openvino.convert_model(source), plain)
    quantize_openvino(source, quantized, [PHOTO])
    return plain, quantized


def test_a_file_of_openvino_stands_for_itself_by_what_it_holds(products):
    found = latency_cases("openvino", precisions=("fp32", "bf16", "int8")).cases(
        [str(path) for path in products]
    )
    assert [(it.network, it.precision) for it in found] == [
        ("plain", "fp32"),
        ("plain", "bf16"),
        ("quantized", "int8"),
    ]
    rows = time_interleaved([found[0], found[2]], PHOTO, repetitions=1, warm_up=0)
    assert [row.failure for row in rows] == ["", ""]
    assert multiply_adds(found[2]) is None  # what it was made from is not beside it
    weights = products[1].with_suffix(".bin").stat().st_size
    assert megabytes(found[2]) == pytest.approx((products[1].stat().st_size + weights) / 1e6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("mobilnetv2", "did you mean 'mobilenetv2'"),
        ("u2nept", "did you mean 'u2netp'"),
        ("missing.tflite", "no such file"),
        ("photo.jpg", "no network"),
    ],
)
def test_unknown_models_are_named_before_anything_is_made(model, message):
    with pytest.raises(InputError, match=message):
        latency_cases("litert").cases(["dfanet", model])


def test_nothing_to_time_is_said():
    with pytest.raises(InputError, match="none of"):
        latency_cases("torch").cases([str(INT8)])


def test_products_are_those_of_the_network():
    float_file = next(FOLDER.glob("samnet_*_fp32.tflite"))
    ours = multiply_adds(latency_case(float_file))
    weights = Path(interleaved_module.__file__).parents[2] / "samnet/weights/samnet.safetensors"
    counted = multiply_adds(LatencyCase("samnet", "torch", "fp32", str(weights), None, 1))
    assert ours == pytest.approx(counted, rel=0.01)
    assert megabytes(latency_case(float_file)) == pytest.approx(float_file.stat().st_size / 1e6)


ROW = LatencyRow(
    **{"network": "net", "engine": "litert", "label": "LiteRT int8", "precision": "int8"},
    **{"file": "net.tflite", "threads": 1, "size": (144, 256), "waited": 0.01},
    **{"latency_ms": Times(median=2.5, minimum=2.25, p90=3.0), "cold_start_ms": 31.0},
    **{"peak_MB": 20.0, "process_MB": 60.0, "megabytes": 1.5, "multiply_adds": 250_000_000},
)
FAILED = LatencyRow(
    **{"network": "net", "engine": "openvino", "label": "OpenVINO int8", "precision": "int8"},
    **{"file": "", "threads": 1, "size": None, "remark": "never trained"},
    failure="NNCF is missing",
)


def test_rows_as_text(made):
    text = ["net", "LiteRT int8", "144×256", "1", "2.50", "2.25", "3.00", "31", "20 (60)", "1.50"]
    assert cells(ROW) == [*text, "250"]
    assert cells(FAILED)[4] == "failed"
    assert remarks([ROW, FAILED]) == ["net: never trained.", "net, OpenVINO int8: NNCF is missing"]
    assert "busy" not in protocol([1], 25, 3, [ROW, FAILED])
    busy = dataclasses.replace(ROW, waited=0.4)
    assert "trust the minimum" in protocol([1], 25, 3, [busy])
    told = {"repetitions": 25, "warm_up": 3, "threads": [1], "text": "As told."}
    rows = [dataclasses.asdict(row) for row in (ROW, FAILED)]
    page = markdown(made("latency", protocol=told, rows=rows))
    assert "| net | LiteRT int8 | 144×256 |" in page
    assert "On A <fast> CPU (avx2), 2026-01-02; torch 2.13.0." in page


def test_command_writes_a_result(tmp_path, capsys):
    out = tmp_path / "latency.json"
    options = Options((str(INT8),), repetitions=1, json=out, folder=tmp_path)
    main(options)
    result = read_result(out)
    assert isinstance(result, Latency)
    assert result.rows[0].multiply_adds > 1e8 and 1 < result.rows[0].peak_MB < 300
    assert result.protocol.repetitions == 1
    assert result.measured[INT8.name] == sha256(INT8)
    assert "samnet-lite.safetensors" in result.measured
    assert "LiteRT int8" in capsys.readouterr().out
    with pytest.raises(InputError, match="already exists"):
        main(options)


def test_a_network_of_which_nothing_is_made_is_named(tmp_path, capsys):
    main(Options((str(INT8), "dfanet"), repetitions=1, folder=tmp_path, made=True))
    said = capsys.readouterr()
    assert "left out, since no form of it is there: dfanet\n" in said.err
    assert "dfanet" not in said.out
    assert not list(tmp_path.glob("*.safetensors"))


def test_when_nothing_works_the_command_fails(tmp_path, capsys):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="no form could be timed"):
        main(Options((str(broken),), repetitions=1, folder=tmp_path))
    assert "failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("models", "more", "message"),
    [
        ((), {}, "no model"),
        (("samnet", "samnet"), {}, "twice"),
        (("samnet",), {"threads": (100_000,)}, "core"),
        (("samnet",), {"repetitions": 0}, "at least one"),
        (("samnet",), {"sizes": ()}, "one size"),
    ],
)
def test_senseless_options_are_refused_at_once(models, more, message, tmp_path):
    with pytest.raises(InputError, match=message):
        main(Options(models, folder=tmp_path, **more))
    assert not list(tmp_path.iterdir())
