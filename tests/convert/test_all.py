"""All forms at once: a row each, failures too, nothing started that cannot end well."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from PIL import Image

from common.errors import InputError
from convert.all import work as convert_all
from convert.all.options import Options
from convert.all.result_rows import table
from convert.all.work import Work
from convert.checks.maps import Parity
from convert.contract.forms import FORMS
from edge_apps.manifest import Delegation, manifest_path
from quantize import ptq
from quantize.quantized_program import load_program

PARITY = Parity("the network in torch", 7, 1, 0.012, 1.0, "cat", 0.02, 1, 0.01)
TOOK = Delegation("XNNPACK", 1, 40, {"QUANTIZE": 2}, {}, 0.987)


@pytest.fixture
def converters(monkeypatch):
    """Converters that write a file at once, or fail where their form's ending is among these."""
    failures = {}

    def write(kind, source, output, **asked):
        ending = output.name.partition("_96_")[2]
        if ending in failures:
            raise failures[ending]
        output.parent.mkdir(exist_ok=True)
        output.write_bytes(bytes(2_000_000))
        manifest_path(output).write_text("{}")
        manifest = SimpleNamespace(delegation=TOOK, sha256="0", parity={}, accuracy={})
        return SimpleNamespace(manifest=manifest, parity=PARITY, accuracy=None)

    monkeypatch.setattr(convert_all, "write_artifact", write)
    return failures


@pytest.fixture
def programs(monkeypatch):
    """Programs that are made at once."""

    def quantize(self, task):
        path = self._name(self._sources[task.model], f"{task.form.precision}.pt2")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(1_000_000))
        return convert_all.Row(path.name, None, 0, 1.0)

    monkeypatch.setattr(Work, "_quantize", quantize)


def test_every_form_is_a_row(edge_checkpoint, converters, programs, tmp_path, command):
    written = tmp_path / "rows.json"
    status, shown, said = command(
        *("convert.all", edge_checkpoint, "--output", tmp_path / "all", "--jobs", 1),
        *("--json", written),
    )
    assert status == 0 and not said
    names = {f"{edge_checkpoint.stem}_96_{form.ending}" for form in FORMS}
    rows = json.loads(written.read_text(encoding="utf-8"))["rows"]
    assert {row["file"] for row in rows if row["form"]} == names
    assert all(name in shown for name in names)
    assert " 2.00         1      0.012         2       98.7% " in shown
    assert "failed" not in shown and "LSB: " in shown


def test_a_failure_is_a_row_and_status_1(edge_checkpoint, converters, programs, tmp_path, command):
    converters["int8.pte"] = InputError("a scale was lost")
    converters["fp32.onnx"] = RuntimeError("an exporter stumbled\nover two lines")
    asked = [edge_checkpoint, "--output", tmp_path / "all", "--jobs", 1]
    status, shown, _ = command("convert.all", *asked)
    *_, heading, first, second, end = shown.splitlines()
    assert status == 1 and heading == f"2 of {len(FORMS) + 2} rows failed"
    assert first.endswith("_96_int8.pte: a scale was lost")
    assert second.endswith("_96_fp32.onnx: RuntimeError: an exporter stumbled")
    assert end.endswith("s in all")
    # Whoever waits sees it at once.
    early = shown.index("_96_int8.pte: failed (a scale was lost), 0 s")
    assert early < shown.index("_96_fp32.onnx …") < shown.index(heading)
    assert "_96_fp32.tflite: 2.00 MB, 0 s" in shown
    assert len(list((tmp_path / "all").glob("*.json"))) == len(FORMS) - 2


def test_a_program_that_is_not_made_fails_its_files_alone(
    edge_checkpoint, converters, monkeypatch, tmp_path
):
    def quantize(self, task):
        raise InputError("nothing to calibrate on")

    monkeypatch.setattr(Work, "_quantize", quantize)
    work = Work(Options((edge_checkpoint,), tmp_path / "all", suffixes=(".pte", ".onnx")))
    rows = list(work.rows(list(work.tasks())))
    failures = [row.failure for row in rows if row.failure]
    # Once, though two files are made of it.
    assert failures.count("nothing to calibrate on") == 1
    assert failures.count("its program was not made") == 2
    assert [row.file for row in rows if row.done] == [
        f"{edge_checkpoint.stem}_96_fp32.pte",
        f"{edge_checkpoint.stem}_96_fp32.onnx",
    ]
    assert "3 of 5 rows failed" in table(rows)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "required: MODEL"),
        (["EDGE", "--suffixes", ".tfl"], "no format .tfl; expected some of .tflite, .pte, .onnx"),
        (["EDGE", "--suffixes", ".pte", "--engines", "litert"], "no form fits"),
        (["EDGE", "--jobs", "0"], "--jobs is 0, expected 1 or more"),
        (["EDGE", "OTHER", "--output", "all"], "would both become all/tiny-edge_96_fp32.tflite"),
        (["EDGE", "--output", "full"], "full/tiny-edge_96_int8.pte: already exists"),
    ],
)
def test_wrong_input_ends_with_status_2(
    arguments, expected, edge_checkpoint, tmp_path, command, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other" / edge_checkpoint.name
    other.parent.mkdir()
    other.write_bytes(edge_checkpoint.read_bytes())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "tiny-edge_96_int8.pte").write_bytes(b"")
    given = [{"EDGE": edge_checkpoint, "OTHER": other}.get(it, it) for it in arguments]
    status, shown, said = command("convert.all", *given)
    assert status == 2 and expected in said and said.count("\n") == 1 and not shown
    assert not (tmp_path / "all").exists()


def test_a_program_is_compared_with_the_float_network(
    edge_checkpoint, converters, tmp_path, command, monkeypatch
):
    # Made once: what differs is what becomes of it.
    made = []
    make = ptq.post_training_quantize

    def once(*given, **options):
        made.extend([] if made else [make(*given, **options)])
        return made[0]

    monkeypatch.setattr(ptq, "post_training_quantize", once)
    photos = tmp_path / "photos"
    photos.mkdir()
    for level in range(8):
        Image.new("RGB", (20, 20), (30 * level,) * 3).save(photos / f"{level}.png")
    asked = [edge_checkpoint, "--output", tmp_path / "all", "--calibration", photos, "--count", 8]
    asked += ["--suffixes", ".pte", "--precisions", "int8", "--jobs", 1]
    program = tmp_path / "all" / "tiny-edge_96_int8.pt2"
    status, shown, _ = command("convert.all", *asked)
    assert status == 1 and "8 of 8 photos calibrated on are of one color" in shown
    assert "tiny-edge_96_int8.pte: its program was not made" in shown
    assert not (tmp_path / "all").exists()
    status, shown, _ = command("convert.all", *asked, "--allow-loss")
    assert status == 0 and "on 1 photos kept back" in shown
    recorded = load_program(program).info.calibration["verification"]
    assert [it["photos"] for it in recorded] == ["photos kept back", "embedded photos"]
