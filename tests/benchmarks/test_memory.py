"""Peak memory is that of the artifact, not of the interpreter around it."""

from __future__ import annotations

import json

import pytest

from benchmarks.latency.memory import Options, main
from common.errors import InputError
from edge_apps.shipped import FOLDER


def test_a_float_network_takes_more_than_an_int8_one(tmp_path):
    models = tuple(sorted(FOLDER.glob("*.tflite")))
    main(Options(models, tmp_path / "memory.json"))
    rows = json.loads((tmp_path / "memory.json").read_text())["rows"]
    peak = {row["file"].rpartition("_")[2]: row["peak_MB"] for row in rows}
    assert 1 < peak["int8.tflite"] < peak["fp32.tflite"] < 300


def test_what_is_no_artifact_is_named(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"x\.tflite"):
        main(Options((path,), tmp_path / "memory.json"))
    assert not (tmp_path / "memory.json").exists()
