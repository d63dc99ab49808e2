"""Training learns, resumes where it stopped and runs on several processes."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps
from tensorboardX.proto.event_pb2 import Event

import samnet
from common.errors import InputError, SamnetError
from samnet.checkpoints.warm_start import adopt
from samnet.data.synthetic import write_scenes
from samnet.train import train
from samnet.training.options import TrainOptions
from samnet.training.trainer import Trainer


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 56, 96)
    return folder


@pytest.fixture
def options(scenes, tiny_training, tmp_path):
    changes = {"phases": ("64:4",), "batch": 8, "held_out": 8, "validate_every": 15}
    return tiny_training(scenes, tmp_path, **changes)


@pytest.fixture(scope="module")
def one_run(scenes, tiny_training, tmp_path_factory):
    """The options of a run of one epoch that is done."""
    options = tiny_training(scenes, tmp_path_factory.mktemp("one"), batch=8, held_out=8)
    train(options)
    return options


def records(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_learns_and_leaves_a_usable_run(options):
    options.phases = ("64:14", "96:2")
    options.learning_rate = 5e-3
    options.range = 0.0
    train(options)
    validations = [r for r in records(options.output) if "max_F" in r]
    assert max(r["max_F"] for r in validations) > 0.55
    assert validations[-1]["MAE"] < 0.7 * validations[0]["MAE"]
    assert validations[0]["size"] == 64
    best = samnet.load_checkpoint(options.output / "best.safetensors")
    assert best.preprocessing.size in (64, 96)
    kept = best.training["validation"]
    assert kept["max_F"] - kept["MAE"] == max(r["max_F"] - r["MAE"] for r in validations)
    assert Image.open(options.output / "curves.png").width > 300
    # Eight held-out photos, beside each its mask and its map.
    panels = [image for image in logged_images(options.output) if image.width == 3 * 64]
    assert len(panels) == sum(r["size"] == 64 for r in validations)
    assert {image.height for image in panels} == {8 * 64}
    run = json.loads((options.output / "run.json").read_text())
    assert run["training_pairs"] == 48
    assert run["environment"]["packages"]["torch"] == torch.__version__


def logged_images(folder):
    """The pictures in TensorBoard's files; a record is its length, a sum, the event, a sum."""
    for path in folder.glob("events.out.tfevents.*"):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += length + 16
            for value in event.summary.value:
                if value.HasField("image"):
                    yield Image.open(io.BytesIO(value.image.encoded_image_string))


def command(options, *more):
    arguments = [sys.executable, "-m", "samnet.train"]
    arguments += ["--data", options.data, "--output", str(options.output)]
    arguments += ["--width", "0.25", "--modules", *"11111", "--phases", *options.phases]
    arguments += ["--batch", "8", "--imitation", "0", "--held-out", "8", "--validate-every", "4"]
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


def test_two_processes_follow_one(options, tmp_path, monkeypatch):
    options.learning_rate = 2e-3
    monkeypatch.setattr("samnet.train.LOG_EVERY", 1)
    train(options)
    alone = records(options.output)
    options.output = tmp_path / "two"
    program = (
        "import samnet.train as t; from common.command import Command;"
        "from samnet.training.options import TrainOptions;"
        "t.LOG_EVERY = 1; Command.of(TrainOptions, t.train, '').run()"
    )
    script = tmp_path / "run.py"
    script.write_text(program)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    arguments = command(options, "--learning-rate", "2e-3")[3:]
    subprocess.run(
        [*launch, "--standalone", script, *arguments],
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())},
        timeout=240,
        stderr=subprocess.DEVNULL,
    )
    together = records(options.output)
    assert json.loads((options.output / "run.json").read_text())["processes"] == 2
    assert [r["step"] for r in together] == [r["step"] for r in alone]
    # The photos, crops and colors are the same. What differs is that each process normalizes by
    # the statistics of its own half of a batch, and drops out channels of its own.
    ratios = [two["loss"] / one["loss"] for one, two in zip(alone, together, strict=True)]
    assert ratios == pytest.approx([1] * len(ratios), rel=0.3)
    assert sum(ratios) / len(ratios) == pytest.approx(1, rel=0.03)
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
        ({"phases": ("50:1",)}, r"50 px and 1 epochs, expected at least 64 px"),
        ({"phases": ("64:0",)}, "more than 0 epochs"),
        ({"phases": ("64:nan",)}, "more than 0 epochs"),
        ({"batch": 1}, "batch normalization needs two; give --batch 2"),
        ({"held_out": 0}, "at least 1 pair"),
        ({"unlabeled": (Path(),)}, "--unlabeled without --teacher"),
        ({"replace": ("features=1",)}, "without --teacher"),
        ({"replace": ("soft=1.5",)}, "shares of 0 to 1"),
        ({"model": "samnett"}, "did you mean"),
        ({"resume": True}, "no state to resume"),
        ({"held_out": 56}, "hold out fewer"),
        ({"data": "nowhere"}, "nowhere"),
        ({"learning_rate": 1e30}, r"step \d+: .*(weight|output|gradient) .*lower --learning-rate"),
        ({"replace": ("los=bce",)}, "did you mean 'loss'"),
        ({"replace": ("loss=dice",)}, "expected one of bce"),
        ({"replace": ("batch=many",)}, "no int"),
        ({"dilation_rates": ("1", "2", "3", "4", "x")}, "write them as"),
        ({"teacher": Path("nowhere.onnx")}, "no such file"),
    ],
)
def test_wrong_options_are_named(options, changes, message):
    with pytest.raises(SamnetError, match=message):
        train(TrainOptions(**{**vars(options), **changes}))


def cut_after(steps, monkeypatch):
    """Ends training by an error once this many steps are done."""
    train_step = Trainer.train_step

    def cut(trainer, step, phase_data):
        if step.number == steps:
            raise InputError("cut")
        return train_step(trainer, step, phase_data)

    monkeypatch.setattr(Trainer, "train_step", cut)


def test_a_full_disk_leaves_the_last_state(options, monkeypatch):
    options.phases, options.validate_every = ("64:2",), 4
    cut_after(6, monkeypatch)
    with pytest.raises(InputError, match="cut"):
        train(options)
    before = {path.name: path.read_bytes() for path in options.output.glob("*.*t*")}
    assert {"state.pt", "best.safetensors", "last.safetensors"} <= before.keys()
    # No file may grow beyond this, which is what a full disk looks like to a program.
    limit = len(before["state.pt"]) // 2
    limited = (
        f"import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        "runpy.run_module('samnet.train', run_name='__main__')"
    )
    arguments = command(options, "--resume")[3:]
    ended = subprocess.run(
        [sys.executable, "-c", limited, *arguments], capture_output=True, text=True
    )
    assert ended.returncode == 2
    (line,) = [x for x in ended.stderr.splitlines() if not x.startswith("training")]
    assert "state.pt: cannot be written (File too large)" in line
    assert (options.output / "state.pt").read_bytes() == before["state.pt"]
    assert samnet.load(options.output / "best.safetensors")
    subprocess.run(command(options, "--resume"), check=True, stderr=subprocess.DEVNULL)
    assert records(options.output)[-1]["step"] == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phases": ("64:2",)}, r"recipe phases .*'epochs': 1.* not"),
        ({"learning_rate": 1e-4}, r"recipe learning_rate 0\.002, not 0\.0001"),
        ({"seed": 1}, "seed 0, not 1"),
        ({"held_out": 9}, "training pairs 48, not 47"),
        ({"model": "samnet-edge"}, "network .*not"),
        ({"model": "bisenet_x39", "width": None, "modules": None}, "network .*not"),
    ],
)
def test_a_run_goes_on_as_it_was_started(one_run, changes, message):
    before = {path: path.read_bytes() for path in one_run.output.iterdir()}
    with pytest.raises(InputError, match=f"the run has {message}.* resume with the options"):
        train(TrainOptions(**{**vars(one_run), "resume": True, **changes}))
    assert {path: path.read_bytes() for path in one_run.output.iterdir()} == before


def test_other_masks_of_the_same_names_are_other_data(one_run, tmp_path):
    copied = tmp_path / "scenes"
    shutil.copytree(one_run.data, copied)
    mask = next(iter(sorted((copied / "masks").iterdir())))
    ImageOps.invert(Image.open(mask).convert("L")).save(mask)
    with pytest.raises(InputError, match=r"data .*, not "):
        train(TrainOptions(**{**vars(one_run), "resume": True, "data": str(copied)}))


def test_the_record_of_a_run_is_kept(one_run):
    record = (one_run.output / "run.json").read_bytes()
    train(TrainOptions(**{**vars(one_run), "resume": True, "remark": "nothing is left to do"}))
    assert (one_run.output / "run.json").read_bytes() == record


@pytest.mark.parametrize("by", ["step", "pass"])
def test_several_scales(options, monkeypatch, by):
    options.replace = ("scales=[1.5, 1.0]", f"scales_by={by}")
    monkeypatch.setattr("samnet.train.LOG_EVERY", 1)
    train(options)
    sizes = [record["size"] for record in records(options.output)]
    assert set(sizes) == {64, 96}
    if by == "pass":
        assert sizes == ([96] * 6 + [64] * 6) * 2
    best = samnet.load_checkpoint(options.output / "best.safetensors")
    assert best.preprocessing.size == 64


def test_weights_move_to_another_attention():
    small = {"width": 0.25, "modules": (1, 1, 1, 1, 1)}
    source = samnet.SAMNet(samnet.SAMNetConfig(attention="stick_breaking", **small))
    target = samnet.SAMNet(samnet.SAMNetConfig(attention="softmax", **small))
    adopt(target, source)
    ours, theirs = target.state_dict(), source.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert not ours["encoder.stages.0.1.channel.expand.3.weight"].any()
    edge = samnet.SAMNet(
        samnet.SAMNetConfig(
            attention="stick_breaking",
            width=0.25,
            modules=(0, 1, 1, 1, 1),
            decoder_stride=4,
            decoder_kernel=3,
        )
    )
    adopt(edge, source)
    name = "decoder.fusions.1.depthwise.conv.weight"
    assert torch.equal(edge.state_dict()[name], theirs[name][..., 1:4, 1:4])
    with pytest.raises(InputError, match="same width"):
        adopt(samnet.SAMNet(samnet.SAMNetConfig()), source)
