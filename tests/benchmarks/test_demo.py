from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.demo.command import Options, main, photo_credits
from benchmarks.latency.forms import FORMS
from common.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_whole_way(edge_checkpoint, tmp_path):
    command = [sys.executable, "-m", "benchmarks.demo", "--model", edge_checkpoint]
    command += ["--output", tmp_path / "demo", "--count", "8", "--repetitions", "3"]
    run = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=3000
    )
    assert run.returncode == 0, run.stderr
    result = json.loads((tmp_path / "demo" / "result.json").read_text(encoding="utf-8"))
    assert [row["precision"] for row in result["rows"]] == ["fp32", "fp32", "int8", "fp32", "int8"]
    for row, form in zip(result["rows"][1:], FORMS, strict=True):
        assert (tmp_path / "demo" / row["file"]).stat().st_size == pytest.approx(
            row["megabytes"] * 1e6, abs=1000
        )
        assert form.label in run.stdout
        assert row["agreement"]["mean"] < (1 if form.precision == "fp32" else 32)
        assert row["latency_ms"]["minimum"] > 0
    html = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert html.count("<img") == len(result["photos"]) * (4 + 2 * len(FORMS))


def test_the_way_to_one_form(edge_checkpoint, tmp_path, monkeypatch, capsys):
    for module in ("demo.command", "latency.forms"):
        monkeypatch.setattr(f"benchmarks.{module}.FORMS", FORMS[:1])
    main(Options(model=edge_checkpoint, output=tmp_path, count=2, repetitions=2))
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    reference, converted = result["rows"]
    assert reference["agreement"] is None
    assert converted["agreement"]["mean"] < 1
    assert converted["file"] == "tiny-edge_96_fp32.tflite"
    assert (tmp_path / "tiny-edge_96_int8.pt2").is_file()
    assert "LiteRT fp32" in capsys.readouterr().out


def test_an_earlier_report_is_not_replaced_unasked(edge_checkpoint, tmp_path):
    (tmp_path / "report.html").write_text("precious")
    with pytest.raises(InputError, match="--overwrite"):
        main(Options(model=edge_checkpoint, output=tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_missing_checkpoint_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        main(Options(model=tmp_path / "none.safetensors", output=tmp_path / "demo"))
    assert not (tmp_path / "demo").exists()


def test_every_photo_is_credited():
    from samnet.data.embedded import embedded_photos

    assert all(photo.name in photo_credits() for photo in embedded_photos())
