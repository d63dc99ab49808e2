from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from common.errors import InputError
from common.images.photos import resize_photo
from edge_apps import runtime
from edge_apps.maps.coding import LOGITS
from samnet import load
from samnet.data.synthetic import scene
from samnet.evaluation.predictor import load_predictor


def test_a_map_at_the_photos_size(tiny_checkpoint):
    predict = load_predictor(tiny_checkpoint)
    for size in ((64, 64), (50, 90), (131, 77)):
        saliency_map = predict(scene(0, size)[0])
        assert saliency_map.shape == size
        assert saliency_map.dtype == np.uint8


def test_equals_the_network_between_two_resizings(tiny_checkpoint):
    photo = scene(3, (70, 100))[0]
    small = resize_photo(photo, (64, 64)).astype(np.float32)
    x = torch.from_numpy((small - 128) / 64).permute(2, 0, 1)[None]
    with torch.inference_mode():
        logits = load(tiny_checkpoint).logits(x)[0, 0].numpy()
    codes = np.clip(np.floor(logits * 16 + 128.5), 0, 255).astype(np.uint8)
    expected = dataclasses.replace(LOGITS, aligned=True).enlarge(codes, 64, (70, 100))
    assert np.array_equal(load_predictor(tiny_checkpoint)(photo), expected)


def test_the_mean_with_the_mirror_image_is_the_same_for_both(tiny_checkpoint):
    photo = scene(3, (70, 100))[0]
    once, twice = load_predictor(tiny_checkpoint), load_predictor(tiny_checkpoint, flip=True)
    assert np.array_equal(twice(photo[:, ::-1])[:, ::-1], twice(photo))
    mean = (once(photo).astype(float) + once(photo[:, ::-1])[:, ::-1]) / 2
    assert np.abs(twice(photo) - mean).max() <= 0.5
    assert not np.array_equal(twice(photo), once(photo))


def test_runs_at_another_size(tiny_checkpoint):
    photo = scene(3, 96)[0]
    default, larger = load_predictor(tiny_checkpoint), load_predictor(tiny_checkpoint, size=97)
    assert larger(photo).shape == (96, 96)
    assert not np.array_equal(default(photo), larger(photo))


def test_threads(tiny_checkpoint):
    before = torch.get_num_threads()
    try:
        load_predictor(tiny_checkpoint, threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    with pytest.raises(InputError, match="0 threads"):
        load_predictor(tiny_checkpoint, threads=0)


@pytest.fixture
def artifact(tmp_path, monkeypatch):
    """An artifact that runs at 64 px, with a stand-in for its runtime."""

    class Segmenter:
        size = 64

        def __init__(self, path, threads=None):
            self.path, self.threads = path, threads

        def look(self, photo):
            raise AssertionError("no test looks at a photo")

    monkeypatch.setattr(runtime, "load", Segmenter)
    path = tmp_path / "a.tflite"
    path.touch()
    return path


def test_artifacts_go_to_the_runtime(artifact):
    segmenter = load_predictor(artifact, threads=2, size=64).look.__self__
    assert (segmenter.path, segmenter.threads) == (artifact, 2)


def test_artifacts_have_one_size(artifact):
    with pytest.raises(InputError, match="runs at 64 px, 96 were asked for"):
        load_predictor(artifact, size=96)


def test_refuses_what_it_cannot_load(tmp_path, tiny_checkpoint):
    with pytest.raises(InputError, match="no such file"):
        load_predictor(tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="is a folder, expected a file"):
        load_predictor(tmp_path)
    (tmp_path / "a.h5").touch()
    with pytest.raises(InputError, match=r"'\.h5'; expected \.safetensors, \.tflite, \.pte"):
        load_predictor(tmp_path / "a.h5")
    (tmp_path / "a.safetensors").write_bytes(tiny_checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match="not a readable safetensors file"):
        load_predictor(tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="below 64"):
        load_predictor(tiny_checkpoint, size=32)
