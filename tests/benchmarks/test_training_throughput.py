"""Both loops train the same network on the same photos; the figures are those measured."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.training import command as throughput
from benchmarks.training import step_process as training_steps
from benchmarks.training.plain_loop import Photos, PlainLoop
from common.images.photos import read_map
from samnet import SAMNet, SAMNetConfig
from samnet.data.layouts import find_pairs
from samnet.data.synthetic import write_scenes
from samnet.training.augmentation import Augmentation
from samnet.training.huge_pages import SETTINGS
from samnet.training.recipe import Phase, Recipe

STILL = Augmentation(min_crop=1, flip=0, brightness=0, contrast=0, saturation=0)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 20, 64)
    return folder


def recipe(augmentation=STILL):
    phases = (Phase(64, 1),)
    return Recipe(phases=phases, batch=4, learning_rate=5e-3, augmentation=augmentation)


def test_the_plain_loop_reads_what_stands_in_the_files(scenes):
    pairs = find_pairs(scenes).pairs
    x, y = Photos(pairs, 64, recipe())[3]
    assert x.shape == (3, 64, 64)
    assert y.shape == (1, 64, 64)
    assert x.dtype == y.dtype == torch.float32
    np.testing.assert_array_equal(y[0].numpy(), read_map(pairs[3].mask) > 128)
    assert -2 <= x.min() < x.max() <= 2


def test_the_plain_loop_learns_on_a_copy(scenes):
    torch.manual_seed(0)
    model = SAMNet(SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1)))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batches = [find_pairs(scenes).pairs[:4]] * 20
    losses = list(PlainLoop(model, batches, 64, recipe()).steps())
    assert len(losses) == 20
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["throughput", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        throughput.COMMAND.run()
    return ended.value.code


def test_figures_of_both_at_every_size(scenes, tmp_path, monkeypatch, capsys):
    given = ["--data", scenes, "--json", tmp_path / "t.json", "--size", 64, 96, "--batch", 4]
    given += ["--repetitions", 2, "--held-out", 2, "--width", 0.25, "--cache", tmp_path]
    assert run(monkeypatch, *given) == 0
    out = capsys.readouterr().out
    found = json.loads((tmp_path / "t.json").read_text())
    assert [row["size"] for row in found["sizes"]] == [64, 96]
    for row in found["sizes"]:
        plain, ours = (row[name]["photos_per_second"] for name in ("plain", "ours"))
        assert 0 < row["running"] <= 1
        assert row["ratio"] == pytest.approx(ours / plain, rel=0.01)
        assert f"{row['ratio']:.2f} times" in out
    assert found["protocol"]["batch"] == 4
    assert found["protocol"]["repetitions"] == 2
    assert run(monkeypatch, *given) == 2


def test_photos_per_second_are_those_of_the_median_step():
    def loop(seconds):
        # Every second of the clock is half a second of the processor's.
        steps = iter([(spent, spent / 2) for spent in seconds])
        return lambda: next(steps)

    options = throughput.Options("", Path(), repetitions=3, batch=2)
    steps = [9, 9, 0.5, 9, 2]  # the first two are warm-up
    loops = {"plain": loop(steps), "ours": loop([s / 4 for s in steps])}
    row = throughput.timed(loops, options)
    assert row["plain"] == {"photos_per_second": 1, "photos_per_cpu_second": 2}
    assert row["ours"] == {"photos_per_second": 4, "photos_per_cpu_second": 8}
    assert (row["ratio"], row["ratio_of_cpu_time"], row["running"]) == (4, 4, 0.5)


def test_only_our_steps_run_with_large_pages(monkeypatch):
    """The loops' processes start in the environments that they are measured in."""
    started = []

    class Process(multiprocessing.get_context("spawn").Process):
        def start(self):
            started.append({name: os.environ.get(name) for name in SETTINGS})

    monkeypatch.setattr(type(multiprocessing.get_context("spawn")), "Process", Process)
    monkeypatch.setattr(training_steps, "wants_restart", lambda _: True)
    before = dict(os.environ)
    for kind in training_steps.KINDS:
        training_steps.StepProcess(kind, None)
    assert started == [dict.fromkeys(SETTINGS), SETTINGS]
    assert dict(os.environ) == before


def test_too_few_photos_are_named(scenes, tmp_path, monkeypatch, capsys):
    given = ["--data", scenes, "--json", tmp_path / "t.json", "--held-out", 2]
    assert run(monkeypatch, *given, "--size", 64, "--cache", tmp_path) == 2
    assert "lower --repetitions" in capsys.readouterr().err
    assert not (tmp_path / "t.json").exists()
