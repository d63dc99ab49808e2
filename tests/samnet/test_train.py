"""Training learns, resumes where it stopped and runs on several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

import samnet
from edge_apps.errors import InputError
from samnet.data.synthetic import write_scenes
from samnet.train import train
from samnet.train_options import TrainOptions
from samnet.transfer import adopt


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 56, 96)
    return folder


@pytest.fixture
def options(scenes, tmp_path):
    return TrainOptions(
        data=str(scenes),
        output=tmp_path / "run",
        width=0.25,
        modules=(1, 1, 1, 1, 1),
        phases=("64:4",),
        batch=8,
        imitation=0.0,
        hold_out=8,
        validate_every=15,
        cache=tmp_path / "cache",
        threads=1,
    )


def records(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_learns_and_leaves_a_usable_run(options):
    options.phases = ("64:14", "96:2")
    options.learning_rate = 5e-3
    train(options)
    validations = [r for r in records(options.output) if "max_F" in r]
    assert validations[-1]["max_F"] > 0.7
    assert validations[-1]["MAE"] < 0.7 * validations[0]["MAE"]
    assert validations[0]["size"] == 64
    best = samnet.load_checkpoint(options.output / "best.safetensors")
    assert best.preprocessing.size in (64, 96)
    kept = best.training["validation"]
    assert kept["max_F"] - kept["MAE"] == max(r["max_F"] - r["MAE"] for r in validations)
    assert any(options.output.glob("events.out.tfevents.*"))
    run = json.loads((options.output / "run.json").read_text())
    assert run["training_pairs"] == 48
    assert run["environment"]["packages"]["torch"] == torch.__version__


def command(options, *more):
    arguments = [sys.executable, "-m", "samnet.train"]
    arguments += ["--data", options.data, "--output", str(options.output)]
    arguments += ["--width", "0.25", "--modules", *"11111", "--phases", *options.phases]
    arguments += ["--batch", "8", "--imitation", "0", "--hold-out", "8", "--validate-every", "4"]
    return [*arguments, "--cache", str(options.cache), "--threads", "1", *more]


def test_killed_run_resumes_to_the_same_weights(options, tmp_path):
    train(TrainOptions(**{**vars(options), "validate_every": 4}))
    whole = samnet.load(options.output / "last.safetensors").state_dict()
    whole_log = records(options.output)

    options.output = tmp_path / "killed"
    process = subprocess.Popen(command(options), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not (options.output / "state.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert torch.load(options.output / "state.pt", weights_only=True)["done"] < 24
    subprocess.run(command(options, "--resume"), check=True, stderr=subprocess.DEVNULL)
    resumed = samnet.load(options.output / "last.safetensors").state_dict()
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())
    assert records(options.output) == whole_log


def test_two_processes_split_the_work(options):
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--standalone",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(
        launch + command(options)[1:], check=True, env=environment, stderr=subprocess.DEVNULL
    )
    assert records(options.output)[-1]["step"] == 24
    assert json.loads((options.output / "run.json").read_text())["processes"] == 2
    samnet.load(options.output / "best.safetensors")


def test_a_run_is_not_overwritten(options):
    options.output.mkdir(parents=True)
    (options.output / "state.pt").write_bytes(b"kept")
    with pytest.raises(InputError, match="--resume"):
        train(options)
    assert (options.output / "state.pt").read_bytes() == b"kept"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "papr"}, "unknown preset"),
        ({"phases": ("192",)}, "SIZE:EPOCHS"),
        ({"model": "samnett"}, "did you mean"),
        ({"resume": True}, "no state to resume"),
        ({"hold_out": 56}, "hold out fewer"),
        ({"data": "nowhere"}, "nowhere"),
        ({"learning_rate": 1e30}, "lower --learning-rate"),
    ],
)
def test_wrong_options_are_named(options, changes, message):
    with pytest.raises(InputError, match=message):
        train(TrainOptions(**{**vars(options), **changes}))


def test_weights_move_to_another_attention():
    small = {"width": 0.25, "modules": (1, 1, 1, 1, 1)}
    source = samnet.SAMNet(samnet.SAMNetConfig(attention="stick_breaking", **small))
    target = samnet.SAMNet(samnet.SAMNetConfig(attention="softmax", **small))
    adopt(target, source)
    ours, theirs = target.state_dict(), source.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert not ours["encoder.stages.0.1.channel.expand.3.weight"].any()
    with pytest.raises(InputError, match="same width"):
        adopt(samnet.SAMNet(samnet.SAMNetConfig()), source)
