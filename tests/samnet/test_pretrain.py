"""Pretraining learns classes, resumes where it stopped, and its backbone starts a network."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors import safe_open

from common.errors import InputError, SamnetError
from samnet import SAMNet, SAMNetConfig
from samnet.checkpoints.backbone import adopt_backbone, save_backbone
from samnet.data.class_batches import batches
from samnet.data.classes import find_class_photos
from samnet.networks.samnet import Encoder
from samnet.pretrain import Options, main

TINY = SAMNetConfig(width=0.25, modules=(1, 1, 1, 1, 1))


def write_shapes(folder, count, start=0):
    """Crosses, discs and squares, a folder and a range of colors each."""
    for label, shape in enumerate(("cross", "disc", "square")):
        (folder / shape).mkdir(parents=True)
        for i in range(start, start + count):
            rng = np.random.default_rng(label * 1000 + i)
            hue = label * 85 + rng.integers(0, 30)
            image = Image.new("HSV", (72, 72), (int(hue), 200, 90)).convert("RGB")
            pen = ImageDraw.Draw(image)
            color = Image.new("HSV", (1, 1), (int(hue + 128) % 256, 220, 250)).convert("RGB")
            fill = color.getpixel((0, 0))
            x, y = rng.integers(28, 44, 2).tolist()
            box = (x - 22, y - 22, x + 22, y + 22)
            if shape == "disc":
                pen.ellipse(box, fill)
            elif shape == "square":
                pen.rectangle(box, fill)
            else:
                pen.rectangle((x - 22, y - 5, x + 22, y + 5), fill)
                pen.rectangle((x - 5, y - 22, x + 5, y + 22), fill)
            image.save(folder / shape / f"{i}.png")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    write_shapes(folder / "train", 20)
    write_shapes(folder / "val", 8, start=20)
    return folder


@pytest.fixture
def options(shapes, tmp_path):
    return Options(
        data=shapes,
        output=tmp_path / "run",
        modules=TINY.modules,  # type: ignore[arg-type]
        width=TINY.width,
        phases=("64:2",),
        batch=12,
        average=0.9,
        workers=0,
        threads=1,
        save_every=2,
    )


def records(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(folder):
    with safe_open(folder / "backbone.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_learns_classes_and_leaves_a_backbone(options):
    # Without attention this few steps are enough for batch normalization to settle.
    options = dataclasses.replace(
        options, attention="none", phases=("64:25",), batch=30, learning_rate=1e-2, average=0.5
    )
    main(options)
    validations = [record for record in records(options.output) if "top1" in record]
    assert len(validations) == 25
    assert validations[-1]["top1"] > 0.6  # 0.33 is chance
    assert validations[-1]["top5"] == 1
    run = json.loads((options.output / "run.json").read_text())
    assert (run["classes"], run["training_photos"], run["validation_photos"]) == (3, 60, 24)

    model = SAMNet(dataclasses.replace(TINY, attention="none"))
    decoder = {name: value.clone() for name, value in model.decoder.state_dict().items()}
    adopt_backbone(model, options.output / "backbone.safetensors")
    taken = model.encoder.state_dict()
    assert all(torch.equal(taken[name], value) for name, value in weights(options.output).items())
    kept = model.decoder.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in decoder.items())


KILLED = """
import os, signal, sys
from samnet.training.pretrainer import Pretrainer
from samnet.pretrain import COMMAND
step = Pretrainer.train_step
def train_step(self, which, *arguments):
    if which.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, which, *arguments)
Pretrainer.train_step = train_step
COMMAND.run()
"""


def arguments(options, output):
    given = ["--data", options.data, "--output", output, "--modules", *"11111"]
    given += ["--width", "0.25", "--phases", "64:2", "--batch", "12", "--average", "0.9"]
    given += ["--workers", "0", "--threads", "1", "--save-every", "2"]
    return list(map(str, given))


def test_killed_run_resumes_to_the_same_weights(options, tmp_path):
    main(options)
    whole, log = weights(options.output), records(options.output)
    assert len(log) == 2
    again = tmp_path / "again"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments(options, again)], stderr=subprocess.DEVNULL
    )
    assert killed.returncode == -signal.SIGKILL
    assert torch.load(again / "state.pt", weights_only=True)["done"] == 2
    # A worker decodes here, which must not change what is drawn.
    main(dataclasses.replace(options, output=again, resume=True, workers=1))
    resumed = weights(again)
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())
    assert records(again) == log


def test_two_processes_follow_one(options, tmp_path):
    main(options)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    subprocess.run(
        [*launch, "--standalone", "-m", "samnet.pretrain", *arguments(options, tmp_path / "two")],
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=240,
        stderr=subprocess.DEVNULL,
    )
    run = json.loads((tmp_path / "two/run.json").read_text())
    assert run["processes"] == 2
    alone, together = records(options.output), records(tmp_path / "two")
    assert [record["step"] for record in together] == [record["step"] for record in alone]
    # Batch normalization sees half the batch each, so the losses are near, not equal.
    assert together[-1]["loss"] == pytest.approx(alone[-1]["loss"], rel=0.1)


def test_a_tenth_is_held_out_where_nothing_is(shapes):
    found = find_class_photos(shapes / "train")
    assert found.classes == ("cross", "disc", "square")
    assert len(found.training) == 54
    assert [label for _, label in found.validation] == [0] * 2 + [1] * 2 + [2] * 2
    assert not {path for path, _ in found.training} & {path for path, _ in found.validation}
    assert find_class_photos(shapes / "train") == found


def test_wrong_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        find_class_photos(tmp_path / "nowhere")
    with pytest.raises(InputError, match="0 class folders, expected at least 2"):
        find_class_photos(tmp_path)
    write_shapes(tmp_path / "train", 2)
    with pytest.raises(InputError, match="1 class folders"):
        find_class_photos(tmp_path)
    write_shapes(tmp_path / "val", 2)
    (tmp_path / "val" / "disc").rename(tmp_path / "val" / "disk")
    with pytest.raises(InputError, match="2 class folders, such as disc"):
        find_class_photos(tmp_path)
    (tmp_path / "train" / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no photo"):
        find_class_photos(tmp_path)


def test_workers_take_over_nothing_of_a_process_with_threads(shapes, monkeypatch):
    def read_photo(path):
        raise AssertionError("a worker is a copy of the process that trains")

    monkeypatch.setattr("samnet.data.class_batches.read_photo", read_photo)
    photos = find_class_photos(shapes).validation[:4]
    draws = torch.tensor([[place, place] for place in range(4)])
    (x, labels), *others = batches(photos, 64, draws, 4, workers=1)
    assert x.shape == (4, 3, 64, 64) and labels.tolist() == [label for _, label in photos]
    assert not others


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_photo_is_named(options, tmp_path, workers):
    write_shapes(tmp_path / "train", 6)
    (tmp_path / "train/disc/3.png").write_bytes(b"no picture")
    options.data, options.workers = tmp_path / "train", workers
    options.phases = ("64:3",)
    with pytest.raises(InputError) as raised:
        main(options)
    assert str(raised.value).startswith(f"{tmp_path}/train/disc/3.png: not a readable picture")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resume": True}, "no state to resume"),
        ({"phases": ("32:1",)}, "at least 64"),
        ({"model": "samnett"}, "did you mean"),
        ({"average": 1.5}, "--average"),
        ({"learning_rate": 1e30, "warm_up": 0.0}, "not finite"),
    ],
)
def test_wrong_options_are_named(options, changes, message):
    with pytest.raises(SamnetError, match=message):
        main(dataclasses.replace(options, **changes))


def test_a_run_is_not_overwritten(options):
    options.output.mkdir()
    (options.output / "state.pt").write_bytes(b"kept")
    with pytest.raises(InputError, match="--resume"):
        main(options)
    assert (options.output / "state.pt").read_bytes() == b"kept"


def test_a_backbone_fits_another_attention_but_no_other_form(tmp_path):
    torch.manual_seed(0)
    edge = dataclasses.replace(TINY, attention="stick_breaking")
    path = tmp_path / "backbone.safetensors"
    save_backbone(path, Encoder(edge), edge, {})
    model = SAMNet(TINY)
    adopt_backbone(model, path)
    ours = model.encoder.state_dict()
    with safe_open(path, "pt") as file:
        theirs = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert set(theirs) < set(ours)
    with pytest.raises(InputError, match=r"width 0\.25, the network has 0\.5"):
        adopt_backbone(SAMNet(dataclasses.replace(TINY, width=0.5)), path)
    with pytest.raises(InputError, match="of modules"):
        adopt_backbone(SAMNet(dataclasses.replace(TINY, modules=(1, 1, 2, 1, 1))), path)
    plain = dataclasses.replace(TINY, attention="none")
    save_backbone(path, Encoder(plain), plain, {}, overwrite=True)
    with pytest.raises(InputError, match="none attention lacks weights"):
        adopt_backbone(model, path)


def test_what_is_no_backbone_is_named(tmp_path, tiny_checkpoint):
    model = SAMNet(TINY)
    with pytest.raises(InputError, match="no such file"):
        adopt_backbone(model, tmp_path / "missing.safetensors")
    with pytest.raises(InputError, match="checkpoint with --init"):
        adopt_backbone(model, tiny_checkpoint)
    (tmp_path / "damaged.safetensors").write_bytes(b"damaged")
    with pytest.raises(InputError, match="not a readable"):
        adopt_backbone(model, tmp_path / "damaged.safetensors")
