"""Weights for networks that come without any."""

from __future__ import annotations

import pytest
import torch

from benchmarks.latency import short_training
from benchmarks.latency.short_training import CONTRAST, taught
from samnet.networks.registry import model_config


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(short_training, "SCENES", 4)
    monkeypatch.setattr(short_training, "SIDE", 64)
    monkeypatch.setattr(short_training, "STEPS", 2)
    monkeypatch.setattr(short_training, "BATCH", 4)


def test_maps_of_taught_networks_are_soft():
    checkpoint = taught(model_config("dfanet"), 96)
    assert checkpoint.preprocessing.size == 96
    photos, _ = short_training._scenes()
    with torch.no_grad():
        logits = torch.logit(checkpoint.model(photos))
    # Enlarging the map takes some of its contrast.
    assert logits.mean().item() == pytest.approx(0, abs=0.05)
    assert 0.6 * CONTRAST < logits.std().item() < 1.1 * CONTRAST


def test_weights_are_the_same_every_time():
    first, second = (taught(model_config("dfanet"), 96).model.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
