"""A trained baseline becomes rows: its weights are kept, found, timed and scored."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from test_readme import score_row

from benchmarks.baselines import trained
from benchmarks.demo.steps import Steps
from benchmarks.docs import rivals_page, rivals_picture
from benchmarks.latency.artifact_cache import ArtifactCache, sources
from benchmarks.results import needs, reader, suite
from common.files import sha256
from common.images.photos import write_image
from samnet import Checkpoint, Preprocessing, SAMNet, load_checkpoint, save_checkpoint
from samnet.networks.baselines import ARCHITECTURES
from samnet.networks.baselines.decoder import decoded
from samnet.networks.baselines.parts import Architecture
from samnet.networks.config import SAMNetConfig
from samnet.networks.layers import ConvBN
from samnet.networks.registry import CONFIGS, BaselineConfig, build_network

CHANNELS = (4, 4, 4, 4, 4)
TRAINING = {"recipe": {"imitation": 0}, "photos": 9}


def tiny():
    """A trunk of five convolutions behind the baselines' interface."""
    ends = (3, *CHANNELS[:-1])
    stages = [ConvBN(a, b, stride=2) for a, b in zip(ends, CHANNELS, strict=True)]
    return decoded(stages, CHANNELS)


@pytest.fixture
def baseline(tmp_path, monkeypatch):
    """A registered baseline ``tiny``, its folder of kept weights, and what training wrote of it."""
    monkeypatch.setitem(ARCHITECTURES, "tiny", Architecture(CHANNELS, stride=2, build=tiny))
    config = BaselineConfig("tiny")
    monkeypatch.setitem(CONFIGS, "tiny", config)
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(trained, "FOLDER", folder)
    monkeypatch.setattr(reader, "SHIPPED", (*reader.SHIPPED[:2], folder))
    monkeypatch.setattr(suite, "SHIPPED", reader.SHIPPED)
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, Checkpoint(build_network(config), Preprocessing(size=64), TRAINING))
    return path


@pytest.fixture
def keep(command):
    return functools.partial(command, "benchmarks.baselines.command")


@pytest.fixture
def kept(baseline, keep):
    """Its weights where the benchmarks look for them."""
    assert keep(baseline)[0] == 0
    return trained.FOLDER / "tiny.safetensors"


def test_weights_are_kept_in_fewer_bytes_and_give_the_same_maps(baseline, kept):
    photo = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert kept.stat().st_size < baseline.stat().st_size
    before, after = load_checkpoint(baseline), load_checkpoint(kept)
    assert after.training == TRAINING and after.preprocessing == before.preprocessing
    assert {it.dtype for it in after.model.parameters()} == {torch.float32}
    (one, *_), (other, *_) = before.model(photo), after.model(photo)
    assert (one - other).abs().max() < 0.01 * one.abs().max()


def test_kept_weights_are_replaced_only_when_asked(baseline, kept, keep):
    before = kept.read_bytes()
    status, _, err = keep(baseline)
    assert status == 2 and "exists" in err and kept.read_bytes() == before
    assert keep(baseline, "--overwrite")[0] == 0


def test_what_is_no_trained_baseline_is_refused(baseline, keep, tmp_path):
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, Checkpoint(SAMNet(SAMNetConfig(width=0.25)), Preprocessing(size=64)))
    status, _, err = keep(other)
    assert status == 2 and "expected one of a baseline" in err
    untrained = Checkpoint(load_checkpoint(baseline).model, Preprocessing(size=64), {"note": "x"})
    save_checkpoint(other, untrained, overwrite=True)
    status, _, err = keep(other)
    assert status == 2 and "no recipe" in err
    assert not list(trained.FOLDER.iterdir())


def test_times_are_of_the_kept_weights(kept, tmp_path):
    cache = ArtifactCache(tmp_path, Steps(None, tmp_path / "log"))
    assert cache.checkpoint("tiny") == (kept, "")
    assert sources(["tiny", "mobilenetv2"]) == [kept]


def test_the_suite_measures_those_that_are_there(baseline, keep):
    assert suite.expanded(f"x {suite.BASELINES} y") == ["x", "y"]
    assert "README.md" in needs.NEEDS["trained baselines"]()
    assert keep(baseline)[0] == 0
    assert trained.trained_baselines() == ("tiny",)
    assert not needs.NEEDS["trained baselines"]()


def test_a_result_of_earlier_weights_is_stale(kept, made):
    result = made("counts", protocol="", counts={}, measured={kept.name: sha256(kept)})
    assert not reader.stale(result)
    result = made("counts", protocol="", counts={}, measured={kept.name: "0"})
    assert reader.stale(result) == [kept.name]


@pytest.fixture
def results(kept, made):
    form = {"engine": "litert", "label": "LiteRT", "size": [64, 64], "threads": 1}
    timed = [
        {
            **{**form, "network": name, "precision": precision},
            **{
                "file": f"{name}_64_{precision}.tflite",
                "latency_ms": {"median": ms, "minimum": ms},
            },
        }
        for name, precision, ms in (
            ("samnet-lite", "int8", 4.0),
            ("tiny", "fp32", 3.0),
            ("tiny", "int8", 2.0),
            ("u2netp", "fp32", 400.0),
            ("admnet", "fp32", 30.0),
        )
    ]
    digest = sha256(kept)
    row = functools.partial(score_row, data="DUTS-TE", count=9, of=9, MAE=0.06)
    scored = [
        row(file="tiny.safetensors", sha256=digest, source_sha256=digest, max_F=0.81),
        row(file="tiny_int8.tflite", origin="artifact", source_sha256=digest, max_F=0.80),
        row(file="tiny_int8.tflite", origin="artifact", source_sha256="0", data="ECSSD", max_F=0.9),
    ]
    protocol = {"repetitions": 9, "warm_up": 3, "threads": [1], "text": ""}
    return {
        "rivals": made("latency", protocol=protocol, rows=timed),
        "accuracy_baselines": made("accuracy", protocol="", rows=scored),
    }


def test_a_kept_baseline_is_rows_with_scores_and_a_card(results, monkeypatch):
    monkeypatch.setattr(rivals_page, "ROOT", trained.FOLDER.parent)
    lines = rivals_page.table(results["rivals"], results).splitlines()
    rows = [[it.strip() for it in line.split("|")[1:-1]] for line in lines if "| `tiny`" in line]
    assert [row[6:9] for row in rows] == [
        ["0.810 / 0.060", "–", "9 / –"],
        ["0.800 / 0.060", "–", "9 / –"],
    ]
    assert any(line.startswith("- `tiny`: ") and "tiny.md)" in line for line in lines)


def test_a_baseline_has_a_mark_of_its_own(results):
    figure = rivals_picture.picture(results)
    assert [it.get_text() for it in figure.legends[0].get_texts()] == [
        "the paper's baselines, trained here, int8 and float32"
    ]
    assert [it.get_text() for it in figure.axes[0].texts] == ["tiny"]
    assert sum(len(marks.get_offsets()) for marks in figure.axes[0].collections) == 2


def test_the_sample_is_every_eighth_pair(command, tmp_path):
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 255
    for number in range(9):
        write_image(tmp_path / "data/photos" / f"{number}.png", np.dstack([mask] * 3))
        write_image(tmp_path / "data/masks" / f"{number}.png", mask)
    listed = tmp_path / "sample.txt"
    arguments = ("sample", "--data", tmp_path / "data", "--output", listed)
    assert command("benchmarks.results.inputs", *arguments)[0] == 0
    names = [line.split("\t")[0].rpartition("/")[2] for line in listed.read_text().splitlines()]
    assert names == ["0.png", "8.png"]


def test_a_sample_is_of_something(command, tmp_path):
    status, _, err = command("benchmarks.results.inputs", "sample", "--output", tmp_path / "x")
    assert status == 2 and "sample needs a data set" in err
