"""Model cards state what was measured, for the file that was measured."""

from __future__ import annotations

import dataclasses
import json

import pytest

import samnet
from common.errors import InputError
from common.files import sha256
from samnet.model_card import Options, main
from samnet.training.recipe import RECIPES


@pytest.fixture
def checkpoint(tmp_path):
    run = {
        "data": "DUTS-TR",
        "held_out": 500,
        "seed": 0,
        "steps": 10,
        "photos": 160,
        "hours": 0.5,
        "hardware": "1 thread(s) of a CPU",
        "init": None,
        "before": None,
        "recipe": dataclasses.asdict(RECIPES["modern"]),
        "validation": {"size": 128, "max_F": 0.5, "MAE": 0.25},
    }
    second = run | {"before": run, "init": "first.safetensors", "steps": 1234}
    second["remark"] = "ended early"
    model = samnet.SAMNet(samnet.SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1)))
    path = tmp_path / "net.safetensors"
    samnet.save_checkpoint(path, samnet.Checkpoint(model, samnet.Preprocessing(size=96), second))
    return path


def result(checkpoint, tmp_path, digest):
    path = tmp_path / "result.json"
    row = {"name": "n", "file": "n", "origin": "checkpoint", "sha256": digest, "size": 96}
    row |= {"data": "ECSSD", "published_count": 1000, "count": 250, "of": 250}
    row |= {"last_step": "plain", "precision": [1.0], "recall": [1.0]}
    row |= {"max_F": 0.81234, "MAE": 0.1, "weighted_F": 0.7, "max_F_per_image": 0.8}
    row |= dict.fromkeys(("S", "E_max", "E_mean", "E_adaptive"))
    path.write_text(json.dumps({"rows": [row]}))
    return path


def test_card_holds_the_figures_of_the_result(checkpoint, tmp_path):
    main(Options(checkpoint, (result(checkpoint, tmp_path, sha256(checkpoint)),)))
    text = checkpoint.with_suffix(".md").read_text()
    assert "| ECSSD | 250 of 1,000 | 96 | 0.8123 | 0.1000 | 0.7000 | – | – |" in text
    assert sha256(checkpoint) in text
    assert "run 1" in text
    assert "1,234 steps" in text
    assert "range penalty 0.1" in text
    assert text.count("ended early") == 1
    assert "EfficientNet-Lite0" in text


def test_result_of_another_file_is_refused(checkpoint, tmp_path):
    with pytest.raises(InputError, match="evaluate this checkpoint anew"):
        main(Options(checkpoint, (result(checkpoint, tmp_path, "0" * 64),)))
    assert not checkpoint.with_suffix(".md").exists()
