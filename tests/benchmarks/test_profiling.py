from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from benchmarks.profiling import executorch
from benchmarks.profiling.command import Options, main
from benchmarks.profiling.litert import LiteRtProfile
from benchmarks.profiling.machine_limits import MachineLimits
from benchmarks.profiling.operation_cost import OperationCost, match_operations
from benchmarks.profiling.operation_times import Profile, Timed, profile
from benchmarks.profiling.synthetic_graphs import Operator, Tensor, flatbuffer
from benchmarks.profiling.table import (
    OUTSIDE,
    bound_by_module,
    bounds,
    by_module,
    kinds,
    modules,
    operations,
)
from benchmarks.profiling.tflite_operations import tflite_works
from benchmarks.profiling.torch_modules import assign, network_calls, shorten
from benchmarks.results.reader import read_result
from benchmarks.results.speed_kinds import Profile as ProfileResult
from common.errors import InputError, MissingPackageError
from edge_apps.manifest import Precision, manifest_path, read_manifest
from edge_apps.shipped import FOLDER

ROOT = Path(__file__).resolve().parents[2]


def shipped(pattern: str) -> Path:
    (path,) = FOLDER.glob(pattern)
    return path


FLOAT, BYTES = shipped("samnet_*_fp32.tflite"), shipped("samnet-lite_*_int8.tflite")


def work(
    kind: str, values: int = 4, inputs: tuple[int, ...] = (0,), output: int = 1
) -> OperationCost:
    madds = 8 * values if kind in ("pointwise", "depthwise") else 0
    return OperationCost(kind, (1, 1, 1, values), madds, 4 * values, inputs, output)


def pretended(file: str, precision: str, factor: float) -> Profile:
    timed = (
        Timed("Fully Connected (NC, F32) GEMM", 90 * factor, "encoder.stages.0.0.conv", DEEP),
        Timed("Add (ND)", 10 * factor, "encoder.stages.0.1", work("add", 2000)),
        Timed("Mystery (NC)", 5 * factor, None, None),
    )
    return Profile(file, "LiteRT", precision, 4.0, 200.0, timed, ("a note",))


DEEP = OperationCost("pointwise", (1, 10, 10, 50), 9_000_000, 45_000, (0,), 1)

MACHINE_LIMITS = MachineLimits(fp32=200e9, int8=400e9, cache=90e9, memory=10e9)


class TestPlacing:
    def test_what_the_runtime_leaves_out_is_skipped(self):
        works = [work("pad"), work("convolution"), work("reshape"), work("add")]
        assert match_operations(["Convolution (NHWC, F32) IGEMM", "Add (ND)"], works) == [1, 3]

    def test_what_the_runtime_adds_stays_unknown(self):
        works = [work("depthwise"), work("sigmoid")]
        names = ["Convolution (NHWC, QC8) DWConv", "Transpose (ND, X8)", "Invalid Unary Op"]
        assert match_operations(names, works) == [0, None, 1]

    def test_an_operation_of_the_network_is_never_skipped(self):
        assert match_operations(["Multiply (ND)"], [work("add"), work("mul")]) == [None]


class TestModules:
    def test_operations_that_move_values_count_to_who_takes_them(self):
        works = [
            work("convert", output=1),
            work("pointwise", inputs=(1,), output=2),
            work("reshape", inputs=(2,), output=3),
            work("add", inputs=(3,), output=4),
            work("convert", inputs=(4,), output=5),
        ]
        calls = [("pointwise", 4, "first"), ("add", 4, "second")]
        assert assign(works, calls) == ["interface", "first", "second", "second", "interface"]

    def test_another_network_is_not_forced_on_an_artifact(self):
        assert assign([work("mul")], [("add", 4, "module")]) == [None]

    def test_an_operation_that_the_network_lacks_stays_unknown(self):
        works = [work("add", output=1), work("mul", 9, (1,), 2), work("sub", inputs=(2,), output=3)]
        calls = [("add", 4, "first"), ("sub", 4, "second")]
        assert assign(works, calls) == ["first", None, "second"]

    def test_names_are_cut_to_a_depth(self):
        assert shorten("encoder.stages.2.1.common.conv", 3) == "encoder.stages.2"
        assert shorten("", 3) == "network"
        assert shorten(None, 3) == "unknown"

    def test_order_and_the_names_that_the_converter_kept_agree(self):
        from ai_edge_litert.tools import flatbuffer_utils

        content, manifest = FLOAT.read_bytes(), read_manifest(FLOAT)
        works = tflite_works(content)
        found = assign(works, network_calls(manifest.config, manifest.size))
        tensors = (
            flatbuffer_utils.read_model_from_bytearray(bytearray(content)).subgraphs[0].tensors
        )
        compared = 0
        for each, module in zip(works, found, strict=True):
            # As …/samnet.network.Encoder_encoder/….Sequential_0/samnet.attention.SAM_1;;…
            kept = tensors[each.output].name.decode().split(";")[0].split("/")[2:]
            names = [re.sub(r"^[\w.]*\.[A-Za-z0-9]+_", "", part) for part in kept]
            if each.kind in ("pointwise", "depthwise") and names[:1] == ["encoder"]:
                compared += 1
                parts = module.split(".")
                assert names[1:3] == parts[2:4]
        assert compared > 200


class TestWork:
    def test_multiply_adds_are_those_of_the_network(self):
        from samnet.networks.config import SAMNetConfig
        from samnet.networks.cost import multiply_adds
        from samnet.networks.samnet import SAMNet

        manifest = read_manifest(FLOAT)
        model = SAMNet(SAMNetConfig.from_dict(manifest.config))
        counted = sum(each.multiply_adds for each in tflite_works(FLOAT.read_bytes()))
        # The artifact has no side heads; its pyramid pools by products with matrices.
        assert counted == pytest.approx(multiply_adds(model, manifest.size), rel=0.01)

    def test_bytes_are_weights_inputs_and_result(self):
        data = Tensor((1, 2, 2, 4), "float32")
        weights = Tensor((8, 1, 1, 4), "float32", np.ones((8, 1, 1, 4)))
        bias = Tensor((8,), "float32", np.zeros(8))
        out = Tensor((1, 2, 2, 8), "float32")
        content = flatbuffer([data, weights, bias, out], [Operator("CONV_2D", (0, 1, 2), 3)])
        (found,) = tflite_works(content)
        assert (found.kind, found.multiply_adds) == ("pointwise", 4 * 8 * 4)
        assert found.bytes == 4 * (16 + 32 + 8 + 32)


class TestLiteRt:
    def test_every_operation_is_timed_and_found(self):
        profiler = LiteRtProfile(BYTES)
        opened = {"int8": (profiler, read_manifest(BYTES))}
        (found,), running = profile(opened, repetitions=2)
        assert 0 < running <= 1
        assert all(it.module is not None for it in found.operations)
        spent = sum(it.microseconds for it in found.operations)
        assert 0 < spent <= found.microseconds
        assert sum(it.kind == "depthwise" for it in found.operations) == sum(
            each.kind == "depthwise" for each in profiler.works
        )

    def test_a_graph_in_pieces_is_put_together(self, tmp_path):
        path = tmp_path / "pieces.tflite"
        # XNNPACK has no EXP of bytes: what follows is a second piece.
        steps = [Operator("ADD", (0, 0), 1), Operator("EXP", (1,), 2), Operator("ADD", (2, 1), 3)]
        path.write_bytes(flatbuffer([Tensor((1, 8, 8, 4), "int8")] * 4, steps))
        profiler = LiteRtProfile(path)
        assert profiler.names == ["Add (ND)", "EXP", "Add (ND)"]
        assert profiler.places == [0, 1, 2]
        times, total = profiler.run(np.zeros((1, 8, 8, 4), np.int8))
        assert len(times) == 3 and total >= sum(times)


class TestTables:
    def test_the_slowest_operation_comes_first(self):
        lines = operations(pretended("a.tflite", "fp32", 1), 2).splitlines()
        assert "0.11 ms in 3 operations" in lines[0]
        assert "Fully Connected" in lines[2] and "82.6%" in lines[2]
        assert "Mystery" not in "".join(lines)
        assert lines[-2:] == ["2 of 3 operations were traced to a torch module.", "a note"]

    def test_kinds_have_their_speed(self):
        text = kinds(pretended("a.tflite", "fp32", 1))
        assert re.search(r"pointwise +1 +90 +82.6% +9.00 +100.0", text)
        assert OUTSIDE in text

    def test_modules_are_compared_with_the_first_model(self):
        both = [pretended("a.tflite", "fp32", 1), pretended("b.tflite", "int8", 0.5)]
        assert by_module(both, 3)["encoder.stages.0"] == [100, 50]
        assert re.search(r"encoder.stages.0 +100 +91.7% +50 +-50 +×0.50", modules(both, 3))

    def test_limits_say_what_bounds_a_module(self):
        text = bounds(pretended("a.tflite", "fp32", 1), MACHINE_LIMITS, 4)
        # 9 million multiply-adds at 200 G/s are 45 µs; 8000 bytes at 90 GB/s are 0.09.
        assert re.search(r"encoder.stages.0.0 +90 +45 +50% +0% +products", text)
        assert re.search(r"encoder.stages.0.1 +10 +0 +1% +100% +neither", text)


@pytest.mark.parametrize("precision", get_args(Precision))
def test_every_precision_has_its_ceiling(precision):
    one = pretended("a.tflite", precision, 1)
    # 9 million multiply-adds at 200 or 400 G a second, and the bytes of a small sum.
    expected = 45 if precision in ("fp32", "fp16") else 22.5
    assert bound_by_module(one, MACHINE_LIMITS, 3)["encoder.stages.0"].least == pytest.approx(
        expected, rel=0.01
    )


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ([], "no model given"),
        ([Path("net.safetensors")], r"'\.safetensors', expected a \.tflite or \.pte"),
        ([Path("absent.tflite")], "no such file"),
        ([BYTES, BYTES], "given twice"),
    ],
)
def test_wrong_input_is_refused(models, said):
    with pytest.raises(InputError, match=said):
        main(Options(tuple(models)))


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(b"no flatbuffer at all")
    shutil.copy(manifest_path(BYTES), manifest_path(path))
    with pytest.raises(InputError, match=r"foreign\.tflite: hash"):
        main(Options((path,)))
    with pytest.raises(InputError, match=r"foreign\.tflite: "):
        LiteRtProfile(path)


@pytest.mark.parametrize("place", ["executorch.of_another_version", "not_installed.bindings"])
def test_an_executorch_that_cannot_be_timed_is_named(monkeypatch, place):
    monkeypatch.setattr(executorch, "BINDINGS", place)
    with pytest.raises(MissingPackageError, match=r"pip install executorch==1\.4\.1"):
        executorch._interposed.__wrapped__()


def test_results_are_not_overwritten_unasked(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("kept")
    with pytest.raises(InputError, match="already exists"):
        main(Options((BYTES,), json=path))
    assert path.read_text() == "kept"


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler to time a .pte")
def test_both_engines_in_one_run(tmp_path):
    """In a process of its own: ExecuTorch must not be loaded before it can be timed."""
    program, result = shipped("samnet-lite_*_int8.pte"), tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks.profiling", BYTES, program]
    options = ["--repetitions", "2", "--limits", "--json", result]
    done = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "ExecuTorch's wheel has no event tracer" in done.stdout
    assert isinstance(read_result(result), ProfileResult)
    written = json.loads(result.read_text())
    lite, executorch = written["profiles"]
    assert [lite["engine"], executorch["engine"]] == ["LiteRT", "ExecuTorch"]
    assert written["protocol"]["repetitions"] == 2
    madds = [sum(it["multiply_adds"] for it in p["operations"]) for p in (lite, executorch)]
    assert madds[0] == madds[1] > 10**8
    stages = [f"encoder.stages.{i}" for i in range(5)]
    assert all(min(written["by_module_microseconds"][stage]) > 0 for stage in stages)
    assert all(it["module"] is not None for p in (lite, executorch) for it in p["operations"])
