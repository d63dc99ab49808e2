"""The engines of ``.tflite`` files side by side: every file a row, failures too."""

from __future__ import annotations

import json

import pytest

from benchmarks.docs.convert_page import HEAD, engines, engines_table

COMMAND = "benchmarks.latency.tflite_engines"


def row(**values):
    return {
        "network": "net",
        "size": 96,
        "precision": "int8",
        "engine": "onnx2tf",
        "file": "net_96_int8-onnx2tf.tflite",
        "failure": "",
        "latency_ms": None,
        "megabytes": 1.234,
        "parity": {"mean": 0.5, "max": 7},
        "delegation": {"inside": 40, "outside": {"QUANTIZE": 2, "EXP": 1}},
        "accuracy": None,
        **values,
    }


@pytest.fixture
def result(made):
    def result(*files, latency=""):
        protocol = {"text": "As described.", "repetitions": 2, "latency": latency}
        return made("tflite_engines", files=files, protocol=protocol)

    return result


def cells(text):
    _, _, *lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [dict(zip(HEAD, line.strip("| ").split(" | "), strict=True)) for line in lines]


def test_what_was_not_measured_is_a_dash(result):
    (shown,) = cells(engines(result(row())))
    assert (shown["network"], shown["engine"], shown["MB"]) == ("net", "onnx2tf", "1.23")
    assert (shown["mean"], shown["max"], shown["in"], shown["out"]) == ("0.500", "7", "40", "3")
    assert shown["max F"] == shown["MAE"] == shown["ms"] == "–"


def test_accuracy_and_latency_are_shown_with_how_they_were_measured(result):
    accuracy = {"data": "S", "count": 3, "max_F": 0.81234, "MAE": 0.1}
    measured = row(accuracy=accuracy, latency_ms={"median": 12.345, "minimum": 12})
    text = engines(result(measured, latency="One thread."))
    (shown,) = cells(text)
    assert (shown["max F"], shown["MAE"], shown["ms"]) == ("0.8123", "0.1000", "12.35")
    assert "One thread. On A <fast> CPU (avx2)." in text and "As described." in text


def test_a_failure_is_a_row_with_its_reason(result):
    nothing = dict.fromkeys(("megabytes", "parity", "delegation", "accuracy"))
    failed = result(row(failure="it asks the network", **nothing))
    table = engines_table(failed.files, failed.protocol, "A CPU")
    assert table.rows[0][4] == "failed" and set(table.rows[0][5:]) == {"–"}
    assert table.notes[0] == "`net_96_int8-onnx2tf.tflite`: it asks the network"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "required: MODEL"),
        (["net.pt2"], "expected a checkpoint"),
        (["absent.safetensors"], "no such file"),
        (["EDGE", "EDGE"], "two models are called tiny-edge"),
        (["EDGE", "--size", "100"], "size 100 cannot be deployed"),
        (["EDGE", "--repetitions", "-1"], "-1 repetitions"),
        (["EDGE", "--data", "NAME=absent"], "absent"),
    ],
)
def test_wrong_input_ends_with_status_2(
    arguments, expected, edge_checkpoint, tmp_path, command, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    given = [edge_checkpoint if it == "EDGE" else it for it in arguments]
    status, _, said = command(COMMAND, *given)
    assert status == 2 and expected in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_program_that_is_not_made_fails_its_file_alone(
    edge_checkpoint, tmp_path, command, monkeypatch
):
    from convert.all.result_rows import Row
    from convert.all.work import Work

    def rows(self, tasks):
        yield Row("net.pt2", None, 0, failure="nothing to calibrate on")
        for task in tasks:
            yield Row(task.path.name, task.form, 0, failure="its own reason")

    monkeypatch.setattr(Work, "rows", rows)
    written = tmp_path / "out.json"
    status, shown, said = command(
        COMMAND, edge_checkpoint, "--folder", tmp_path / "files", "--json", written
    )
    assert status == 2 and "no file could be made" in said and "its own reason" in shown
    torch, *files = json.loads(written.read_text(encoding="utf-8"))["files"]
    assert torch["engine"] == "torch" and not torch["failure"]
    reasons = {(it["engine"], it["precision"]): it["failure"] for it in files}
    assert reasons.pop(("litert", "int8")) == "nothing to calibrate on"
    assert set(reasons.values()) == {"its own reason"} and len(reasons) == 3


@pytest.mark.slow
def test_a_network_in_four_files_which_are_used_again(
    taught, tmp_path, command, scenes, monkeypatch
):
    from convert.checks.maps import Limit
    from convert.tflite.command import FORMAT

    # A minute of teaching leaves a network that amplifies every rounding.
    monkeypatch.setitem(FORMAT.limits, "int8", Limit(mean=64, within_2=0))
    written = tmp_path / "out.json"
    arguments = [taught("stick_breaking"), "--folder", tmp_path / "files", "--count", 16]
    arguments += ["--data", f"S={scenes}", "--json", written]
    status, shown, _ = command(COMMAND, *arguments)
    torch, *files = json.loads(written.read_text(encoding="utf-8"))["files"]
    assert status == 0 and "[4/4]" in shown and torch["accuracy"]["count"] == 3
    assert [(it["precision"], it["engine"]) for it in files] == [
        ("fp32", "litert"),
        ("int8", "litert"),
        ("fp32", "onnx2tf"),
        ("int8", "onnx2tf"),
    ]
    assert [it["failure"] for it in files] == [""] * 4
    assert all(it["accuracy"]["count"] == 3 for it in files)
    assert all(it["parity"]["steps_max"] <= 1 for it in files if it["precision"] == "fp32")
    status, shown, _ = command(COMMAND, *arguments, "--repetitions", 2, "--overwrite")
    _, *again = json.loads(written.read_text(encoding="utf-8"))["files"]
    assert status == 0 and "[1/" not in shown
    assert all(it["latency_ms"]["median"] > 0 for it in again)
    assert [it["parity"] for it in again] == [it["parity"] for it in files]
