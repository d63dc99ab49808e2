"""Calibrating and converting twice gives the same bytes, in whatever order sets are walked."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("every_form.py")
SEEDS = ("1", "2")
"""Of the hashes of text, by which the order of sets and thereby of graphs could differ."""


def run(command: list[str], seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=3000
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]


def test_every_form_of_one_module(tmp_path):
    found = []
    for seed in SEEDS:
        answer = tmp_path / f"{seed}.json"
        run([sys.executable, str(SCRIPT), str(answer)], seed)
        found.append(json.loads(answer.read_text(encoding="utf-8")))
    assert found[0] == found[1] and len(set(found[0].values())) == len(found[0]) > 8


@pytest.fixture
def soft(edge_checkpoint: Path, tmp_path: Path) -> Path:
    """A network of one SAM module and of logits so small that its maps are alike in every form."""
    from benchmarks.latency.short_training import taught
    from samnet import SAMNetConfig, load_checkpoint, save_checkpoint

    config = load_checkpoint(edge_checkpoint).model.config
    assert isinstance(config, SAMNetConfig)
    rates = ((1, 2), (1,), (1,), (1,), (1,))
    small = dataclasses.replace(config, modules=(0, 1, 0, 0, 0), dilation_rates=rates)
    save_checkpoint(path := tmp_path / "soft.safetensors", taught(small, 96))
    return path


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_form_of_a_network_with_its_manifest(soft, tmp_path):
    for seed in SEEDS:
        command = [sys.executable, "-m", "convert.all", str(soft), "--count", "16"]
        run([*command, "--output", str(tmp_path / seed)], seed)
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / s).iterdir()} for s in SEEDS)
    assert first.keys() == second.keys() and len(first) > 20
    assert not [name for name in first if first[name] != second[name]]
