"""Quantisation-aware training."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from edge_apps.errors import InputError
from quantize import qat
from quantize.program import ProgramInfo, QuantizedProgram, load_program
from quantize.student import Student
from quantize.training import QuantizationTraining, Schedule, distillation_loss
from samnet import load_checkpoint
from samnet.augment import normalise
from samnet.data.packed import PackedPairs
from samnet.data.synthetic import scene, write_scenes
from samnet.deployment import DeployedNetwork

BATCH = 4


@pytest.fixture(scope="module")
def pairs():
    scenes = [scene(seed) for seed in range(8)]
    photos, masks = zip(*scenes, strict=True)
    return PackedPairs(torch.from_numpy(np.stack(photos)), torch.from_numpy(np.stack(masks)))


@pytest.fixture(scope="module")
def training(taught, pairs):
    """One step of training; the float network as it was before and the losses."""
    checkpoint = load_checkpoint(taught("stick_breaking"))
    before = copy.deepcopy(checkpoint.model.state_dict())
    schedule = Schedule(epochs=1, photos=BATCH, batch=BATCH, learning_rate=1e-4)
    training = QuantizationTraining(checkpoint, pairs, schedule)
    training.observe(pairs.photos[:6])
    training.epoch(0)
    after = checkpoint.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    return training


def test_the_learned_scales_arrive_unchanged(training):
    student = training.student
    exported = student.exported()
    converted = {
        (round(n.args[1], 9), n.args[2])
        for n in exported.graph_module.graph.nodes
        if "quantize_per_tensor" in str(n.target)
    }
    learned = set()
    for part in student.graph.modules():
        if hasattr(part, "fake_quant_enabled") and not getattr(part, "is_per_channel", False):
            scale, zero_point = part.calculate_qparams()
            learned.add((round(scale.item(), 9), int(zero_point)))
    assert len(converted) > 50 and converted <= learned


def test_the_converted_network_is_the_one_that_learned(training, pairs, quantised):
    x = normalise(pairs.photos[:BATCH].permute(0, 3, 1, 2).float() / 255, training.preprocessing)
    program = QuantizedProgram(training.student.exported(), quantised("stick_breaking").info)
    with torch.no_grad():
        learned = training.student(x)[:, 0].numpy() * 256
    for photo, expected in zip(pairs.photos[:BATCH].numpy(), learned, strict=True):
        assert np.abs(program.run(photo) - expected).mean() < 12


def test_training_moves_the_weights_and_keeps_frozen_ranges(training):
    student = training.student
    student.freeze_ranges()
    before = {name: value.clone() for name, value in student.graph.state_dict().items()}
    training._step(torch.arange(BATCH))
    after = student.graph.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.endswith("conv.weight") for name in changed)
    activations = {
        f"{name}.scale"
        for name, part in student.graph.named_modules()
        if hasattr(part, "is_per_channel") and not part.is_per_channel and hasattr(part, "scale")
    }
    assert activations and not activations & changed


def test_before_anything_is_observed_the_student_is_the_float_network(taught):
    network = DeployedNetwork(load_checkpoint(taught("softmax")).model, 96).eval()
    student = Student(network, 1)
    x = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        assert torch.allclose(student(x), network(x), atol=1e-3)


def test_the_loss_is_least_where_mask_and_teacher_agree():
    truth = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    losses = [
        distillation_loss(p, truth, truth, 1.0) for p in (truth, truth * 0.5 + 0.25, 1 - truth)
    ]
    assert losses == sorted(losses) and torch.isfinite(torch.stack(losses)).all()


def test_an_empty_schedule_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        Schedule(epochs=0)


def test_the_command_compares_and_writes_the_best(taught, tmp_path, capsys):
    write_scenes(tmp_path / "data", 8)
    options = qat.Options(
        model=taught("stick_breaking"),
        data=f"scenes={tmp_path / 'data'}",
        output=tmp_path / "qat.pt2",
        epochs=1,
        photos=2,
        batch=2,
        held_out=2,
        validation=2,
        calibration=2,
        cache=tmp_path / "cache",
    )
    qat.main(options)
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("fp32", "PTQ", "QAT"))
    info = load_program(options.output).info
    assert isinstance(info, ProgramInfo) and info.method == "qat"
    assert set(info.training["scores"]) == {"fp32", "PTQ", "QAT"}
