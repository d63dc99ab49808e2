"""Files are made once, from what they say, and a failure is told and not tried again."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.baselines import trained
from benchmarks.demo.steps import Steps
from benchmarks.latency import artifact_cache as artifact_cache_module
from benchmarks.latency.artifact_cache import ArtifactCache
from benchmarks.latency.case import LatencyCase
from benchmarks.latency.interleaved import time_interleaved
from common.errors import InputError, SamnetError
from samnet.checkpoints.shipped import shipped_weights
from samnet.data.embedded import embedded_photos
from samnet.networks.baselines import ARCHITECTURES


@pytest.fixture
def artifact_cache(tmp_path):
    return ArtifactCache(tmp_path, Steps(None, tmp_path / "log"))


def test_shipped_weights_are_used(artifact_cache):
    path, remark = artifact_cache.checkpoint("samnet-edge")
    assert path == shipped_weights("samnet-edge")
    assert remark == ""
    with pytest.raises(InputError, match="did you mean 'samnet'"):
        artifact_cache.checkpoint("samnett")


def test_a_command_that_fails_is_run_once_and_quoted(artifact_cache, monkeypatch, edge_checkpoint):
    runs = []

    def command(module, *arguments):
        runs.append(module)
        raise InputError("a scale is lost")

    monkeypatch.setattr(artifact_cache_module, "_command", command)
    for _ in range(2):
        with pytest.raises(SamnetError, match="a scale is lost"):
            artifact_cache.artifact(edge_checkpoint, 96, "fp32", ".pte")
    assert runs == ["convert.executorch"]


def test_the_line_of_a_command_is_its_reason(tmp_path):
    with pytest.raises(InputError, match=r"^missing\.safetensors: .*no such file"):
        artifact_cache_module._command(
            "convert.onnx", "--model", "missing.safetensors", "--output", str(tmp_path / "x.onnx")
        )


def test_a_file_is_made_once_for_a_source(artifact_cache, edge_checkpoint, tmp_path):
    made = artifact_cache.artifact(edge_checkpoint, 96, "fp32", ".onnx")
    before = made.stat().st_mtime_ns
    again = ArtifactCache(tmp_path, Steps(None, tmp_path / "log"))
    assert again.artifact(edge_checkpoint, 96, "fp32", ".onnx") == made
    assert made.stat().st_mtime_ns == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_system_of_the_paper_runs_in_every_form(name, artifact_cache, tmp_path, monkeypatch):
    monkeypatch.setattr(trained, "FOLDER", tmp_path / "no weights")
    source, remark = artifact_cache.checkpoint(name)
    assert "fit for times" in remark
    engines = {".tflite": "litert", ".pte": "executorch", ".onnx": "onnxruntime"}
    latency_cases = [
        LatencyCase(name, engine, precision, str(path), None, 1)
        for suffix, engine in engines.items()
        for precision in ("fp32", "int8")
        if (path := artifact_cache.artifact(source, 96, precision, suffix))
    ]
    assert all(Path(it.file).is_file() for it in latency_cases)
    rows = time_interleaved(latency_cases, embedded_photos()[0].photo, repetitions=1, warm_up=0)
    assert [row.failure for row in rows] == [""] * 6
