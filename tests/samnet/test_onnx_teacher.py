"""A teacher's maps: read from ONNX, cropped with the photos, refused when they are no maps."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from common.errors import InputError
from common.images.photos import read_photo
from samnet.data.layouts import find_pairs
from samnet.train import train
from samnet.training.augmentation import Augmentation
from samnet.training.onnx_teacher import MEAN, STD, MapTeacher
from samnet.training.teacher_outputs import TeacherOutputs
from samnet.training.teachers import open_teacher


def network(path, size=32, channels=3, last="Sigmoid"):
    """An ONNX network whose map is a function of the photo's mean color."""
    nodes = [
        helper.make_node("ReduceMean", ["photo", "axes"], ["mean"], keepdims=1),
        helper.make_node(last, ["mean"], ["map"]),
    ]
    graph = helper.make_graph(
        nodes,
        "teacher",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["N", channels, size, size])],
        [helper.make_tensor_value_info("map", TensorProto.FLOAT, ["N", 1, size, size])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


def teacher_outputs(scenes, teacher, cache, **settings):
    photos = [pair.photo for pair in find_pairs(str(scenes)).pairs]
    return photos, TeacherOutputs(
        [photos], open_teacher(teacher), cache, **{"features": False, **settings}
    )


def test_maps_are_the_networks(scenes, tmp_path):
    teacher = network(tmp_path / "teacher.onnx")
    photos, found = teacher_outputs(scenes, teacher, tmp_path / "cache")
    (maps,) = found.maps.parts
    assert maps.shape == (3, 32, 32)
    photo = read_photo(photos[1]).mean(axis=(0, 1), keepdims=True)
    x = (photo.transpose(2, 0, 1) / 255 - MEAN) / STD
    expected = 255 / (1 + np.exp(-x.mean()))
    assert abs(maps[1].float().mean() - expected) < 12
    _, again = teacher_outputs(scenes, teacher, tmp_path / "cache")
    assert torch.equal(maps, again.maps.parts[0])
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_maps_are_cropped_as_the_photos_are(scenes, tmp_path):
    _, found = teacher_outputs(scenes, network(tmp_path / "t.onnx"), tmp_path / "cache")
    mirrored = Augmentation(min_crop=1.0, flip=1.0).draw_crops(2, torch.Generator())
    batch = found.truth(torch.tensor([2, 0]), mirrored, 32)
    assert batch.shape == (2, 1, 32, 32)
    maps = found.maps.parts[0]
    torch.testing.assert_close(batch[:, 0] * 255, maps[[2, 0]].float().flip(2), atol=0.5, rtol=0)


def test_an_onnx_network_shows_no_features(scenes, tmp_path):
    with pytest.raises(InputError, match="shows no features"):
        teacher_outputs(scenes, network(tmp_path / "t.onnx"), tmp_path / "cache", features=True)


def test_training_learns_from_the_teacher(scenes, tiny_training, tmp_path):
    results = {}
    for name, teacher in (("alone", None), ("taught", network(tmp_path / "t.onnx", "S"))):
        changes = {"output": tmp_path / name, "batch": 2, "held_out": 1, "teacher": teacher}
        train(tiny_training(scenes, tmp_path, **changes))
        results[name] = (tmp_path / name / "log.jsonl").read_text()
    assert results["alone"] != results["taught"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 1}, "expected one tensor"),
        ({"last": "Neg"}, "in 0 to 1"),
    ],
)
def test_other_networks_are_refused(tmp_path, changes, message):
    path = network(tmp_path / "teacher.onnx", **changes)
    with pytest.raises(InputError, match=message):
        MapTeacher(path)(np.full((9, 9, 3), 200, np.uint8))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "teacher.onnx").write_bytes(b"no network")
    with pytest.raises(InputError, match="not a readable ONNX network"):
        MapTeacher(tmp_path / "teacher.onnx")
