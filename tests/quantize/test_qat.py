"""Quantization-aware training."""

from __future__ import annotations

import copy
import dataclasses
import json
import operator
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from common.errors import InputError, TrainingDivergedError
from quantize import qat
from quantize.fake_quant_network import FakeQuantNetwork
from quantize.qat_schedule import QatSchedule
from quantize.qat_trainer import QuantizationTraining, distillation_loss
from quantize.quantized_program import ProgramInfo, QuantizedProgram, load_program
from samnet import Checkpoint, Preprocessing, build_model, load_checkpoint, save_checkpoint
from samnet.data.packed import PackedPairs
from samnet.data.synthetic import scene, write_scenes
from samnet.networks.deployed import DeployedNetwork
from samnet.training.augmentation import normalize
from samnet.training.first_nonfinite import first_nonfinite, nonfinite_gradient

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
    schedule = QatSchedule(epochs=1, photos=BATCH, batch=BATCH, learning_rate=1e-4)
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
            # What it computes with, which need not be what its observer would have it be.
            learned.add((round(part.scale.item(), 9), int(part.zero_point)))
    assert len(converted) > 50
    # Those of global averages are settled nearby: see quantize.global_averages.
    others = converted - learned
    mean = torch.ops.aten.mean.dim
    means = [n for n in exported.graph_module.graph.nodes if n.target == mean]
    assert others <= {(round(user.args[1], 9), user.args[2]) for n in means for user in n.users}
    for scale, zero_point in others:
        near = [it for it, zero in learned if zero == zero_point and abs(it / scale - 1) < 1 / 128]
        assert near, (scale, zero_point)


def test_weights_learn_with_the_scales_that_are_converted(training):
    student = training.student
    size = student.size
    with torch.no_grad():
        student(torch.zeros(BATCH, 3, size, size))  # the weights have moved since the last step
    learned = {
        node.args[0].target: student.graph.get_submodule(node.target).scale
        for node in student.graph.graph.nodes
        if node.op == "call_module" and node.args[0].op == "get_attr"
    }
    module = student.exported().module()
    quantize = torch.ops.quantized_decomposed.quantize_per_channel.default
    converted = {
        node.args[0].target: operator.attrgetter(node.args[1].target)(module)
        for node in module.graph.nodes
        if node.target == quantize
    }
    assert learned.keys() == converted.keys() and len(learned) > 20
    for name, scale in learned.items():
        assert torch.allclose(scale, converted[name].float(), rtol=1e-5, atol=0), name


def test_the_program_computes_what_learned(training, pairs, monkeypatch):
    """But for what conversion changes on purpose, whichever kernels the processor takes."""
    monkeypatch.setattr("quantize.conversion.settle_means", lambda _: None)
    monkeypatch.setattr("quantize.conversion.round_biases", lambda _: None)
    student = FakeQuantNetwork(training.teacher, 1)  # kernels for a batch of 4 sum otherwise
    student.graph.load_state_dict(training.student.graph.state_dict())
    student.freeze_ranges()
    program = training.student.exported().module()
    x = normalize(pairs.photos[:2].permute(0, 3, 1, 2).float() / 255, training.preprocessing)
    with torch.no_grad():
        for photo in x.split(1):
            found, expected = (255 * torch.sigmoid(it(photo)) for it in (program, student))
            assert (found - expected).abs().mean() < 0.5  # 0 where it was tried


def test_the_converted_network_is_the_one_that_learned(training, pairs, quantized):
    x = normalize(pairs.photos[:BATCH].permute(0, 3, 1, 2).float() / 255, training.preprocessing)
    program = QuantizedProgram(training.student.exported(), quantized("stick_breaking").info)
    with torch.no_grad():
        learned = 255 * torch.sigmoid(training.student(x))[:, 0].numpy()
    for photo, expected in zip(pairs.photos[:BATCH].numpy(), learned, strict=True):
        saliency_map = program.coding.probabilities(program.run(photo))
        # Each code that tips over spreads; how far depends on the processor's kernels.
        assert np.abs(saliency_map - expected).mean() < 10  # 5.0 with AVX-512


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
    student = FakeQuantNetwork(network, 1)
    x = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        assert torch.allclose(student(x), network(x), atol=1e-3)


def test_the_loss_is_least_where_mask_and_teacher_agree():
    truth = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    teacher = 16 * truth - 8
    losses = [distillation_loss(share * teacher, truth, teacher, 1.0) for share in (1, 0.25, -1)]
    assert losses == sorted(losses) and torch.isfinite(torch.stack(losses)).all()


def test_an_empty_schedule_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        QatSchedule(epochs=0)


def test_what_is_converted_is_the_average(training):
    training._step(torch.arange(BATCH))
    averaged = training.averaged.module.state_dict()
    current = training.student.graph.state_dict()
    exported = training.exported().state_dict
    name = "encoder.stages.0.0.conv.weight"
    assert torch.equal(exported[name], averaged[name])
    assert not torch.equal(averaged[name], current[name])
    ranges = [name for name in current if name.endswith(("min_val", "max_val"))]
    assert ranges and all(torch.equal(averaged[name], current[name]) for name in ranges)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 12)
    return folder


@pytest.fixture
def options(taught, data, tmp_path):
    return qat.Options(
        model=taught("stick_breaking"),
        data=f"scenes={data}",
        output=tmp_path / "run",
        epochs=2,
        photos=4,
        batch=2,
        held_out=2,
        validation=2,
        count=2,
        allow_loss=True,  # what a few photos teach so small a network depends on the kernels
        cache=tmp_path / "cache",
    )


def records(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def command(options):
    given = {f: getattr(options, f) for f in ("model", "data", "output", "cache")}
    small = ("epochs", "photos", "batch", "held_out", "validation", "count")
    given |= {f: getattr(options, f) for f in small}
    arguments = [(f"--{name.replace('_', '-')}", str(value)) for name, value in given.items()]
    texts = (text for pair in arguments for text in pair)
    return [sys.executable, "-m", "quantize.qat", *texts, "--allow-loss"]


def test_a_killed_run_resumes_to_the_same_weights(options, tmp_path, capsys):
    scores = qat.train(options)
    assert set(scores) == {"fp32", "PTQ", "QAT"}
    info = load_program(options.output / "best.pt2").info
    assert isinstance(info, ProgramInfo) and info.method == "qat"
    assert info.training["scores"] == scores
    result = json.loads((options.output / "result.json").read_text())
    assert result["scores"] == scores and len(result["history"]) == 2
    assert "max_F" in result["protocol"]["metrics"]
    assert result["protocol"]["environment"]["packages"]["torch"] == torch.__version__
    assert json.loads((options.output / "run.json").read_text())["training_pairs"] == 10
    assert max(map(qat.merit, result["history"])) == qat.merit(scores["QAT"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("fp32", "PTQ", "epoch 2"))
    with pytest.raises(InputError, match="--resume"):
        qat.train(options)

    whole, folder = options.output, tmp_path / "killed"
    options = dataclasses.replace(options, output=folder)
    process = subprocess.Popen(command(options), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (folder / "state.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(torch.load(folder / "state.pt", weights_only=True)["history"]) == 1
    with open(folder / "log.jsonl", "a") as log:
        log.write('{"step": 4, "lr"')
    with pytest.raises(InputError, match="epochs 2, not 3"):
        qat.train(dataclasses.replace(options, resume=True, epochs=3))
    assert qat.train(dataclasses.replace(options, resume=True)) == scores
    states = [torch.load(f / "state.pt", weights_only=True)["training"] for f in (whole, folder)]
    for part in ("graph", "averaged"):
        first, second = (state[part] for state in states)
        assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert records(folder) == records(whole)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv2", "samnet-lite"])
def test_networks_of_every_family_learn_to_the_end(name, options, tmp_path):
    torch.manual_seed(0)
    model = tmp_path / f"{name}.safetensors"
    save_checkpoint(model, Checkpoint(build_model(name).eval(), Preprocessing(size=96)))
    scores = qat.train(dataclasses.replace(options, model=model, epochs=1))
    assert set(scores) == {"fp32", "PTQ", "QAT"}
    assert load_program(options.output / "best.pt2").info.training["scores"] == scores


def test_values_that_are_not_finite_are_traced_to_where_they_begin(taught, pairs):
    checkpoint = load_checkpoint(taught("stick_breaking"))
    training = QuantizationTraining(checkpoint, pairs, QatSchedule(epochs=1, photos=4, batch=4))
    training.observe(pairs.photos[:4])
    state = training.student.graph.state_dict()
    name = "encoder.stages.1.0.pointwise.conv.weight"
    with torch.no_grad():
        state[name][0, 0] = float("nan")
    message = f"step 1 of 1: a value is not finite, first at the weight {name}"
    with pytest.raises(TrainingDivergedError, match=message):
        training.epoch(0)


def test_operations_and_gradients_that_are_not_finite_are_named():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    torch.nn.init.ones_(network[0].weight)  # where a ReLU is shut no gradient passes
    graph = torch.export.export(network, (torch.ones(1, 2),)).module()
    assert first_nonfinite(graph, torch.ones(1, 2)) == ""
    assert first_nonfinite(graph, torch.full((1, 2), torch.inf)) == "the output of input_1"
    (graph(torch.ones(1, 2)) * torch.nan).sum().backward()
    assert nonfinite_gradient(graph) == "0.bias"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resume": True}, "no state to resume"),
        ({"average": 1.0}, "average 1.0"),
        ({"keep_float": ("decoder.fusion.0",)}, "did you mean"),
        ({"data": "nowhere"}, "nowhere"),
        ({"held_out": 12}, "hold out fewer"),
        ({"model": Path("program.pt2")}, "quantized program"),
    ],
)
def test_wrong_options_are_named(options, changes, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("program.pt2").write_bytes(b"any")
    with pytest.raises(InputError, match=message):
        qat.train(dataclasses.replace(options, **changes))
    assert not (options.output / "state.pt").exists()
