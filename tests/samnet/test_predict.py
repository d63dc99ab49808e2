from __future__ import annotations

import json

import numpy as np
import pytest

from common.images.photos import overlay, read_map, read_photo, write_image
from edge_apps.maps.refinement import Refinement
from samnet.data.synthetic import scene
from samnet.evaluation.predictor import load_predictor


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    write_image(folder / "a.jpg", scene(0, (50, 80))[0])
    write_image(folder / "b.png", scene(1, (66, 64))[0])
    return folder


@pytest.fixture
def predict(command, tiny_checkpoint, tmp_path):
    def run(*arguments, output=tmp_path / "out"):
        return command("samnet.predict", *arguments, "--model", tiny_checkpoint, "--output", output)

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_writes_maps_under_the_stem_at_the_photos_size(photos, predict, tmp_path, tiny_checkpoint):
    status, out, _ = predict(photos)
    assert status == 0
    assert "2 of 2 photos" in out
    assert names(tmp_path / "out") == ["a.png", "b.png"]
    saliency_map = read_map(tmp_path / "out" / "a.png")
    assert saliency_map.shape == (50, 80)
    photo = read_photo(photos / "a.jpg")
    refined = load_predictor(tiny_checkpoint, refine=Refinement())(photo)
    np.testing.assert_array_equal(saliency_map, refined)
    assert predict(photos, "--no-refine", "--overwrite")[0] == 0
    plain = load_predictor(tiny_checkpoint)(photo)
    np.testing.assert_array_equal(read_map(tmp_path / "out" / "a.png"), plain)
    assert not np.array_equal(plain, refined)


def test_overlay_and_cutout(photos, predict, tmp_path):
    assert predict(photos / "a.jpg", "--overlay", "--cutout")[0] == 0
    out = tmp_path / "out"
    assert names(out) == ["a.png", "a_cutout.png", "a_overlay.png"]
    photo, saliency_map = read_photo(photos / "a.jpg"), read_map(out / "a.png")
    np.testing.assert_array_equal(read_photo(out / "a_overlay.png"), overlay(photo, saliency_map))


def test_one_bad_file_does_not_stop_the_rest(photos, predict, tmp_path):
    good = (photos / "a.jpg").read_bytes()
    (photos / "a.jpg").write_bytes(good[: len(good) // 2])
    status, _, err = predict(photos)
    assert status == 2
    assert "1 of 2 photos failed" in err
    assert "a.jpg: not a readable picture" in err
    assert err.count("\n") == 1
    assert names(tmp_path / "out") == ["b.png"]


def test_existing_maps_stay_without_overwrite(photos, predict, tmp_path):
    write_image(tmp_path / "out" / "b.png", np.zeros((2, 2), np.uint8))
    status, _, err = predict(photos)
    assert status == 2
    assert "b.png: already exists; pass --overwrite" in err
    assert names(tmp_path / "out") == ["b.png"]
    assert read_map(tmp_path / "out" / "b.png").shape == (2, 2)
    assert predict(photos, "--overwrite")[0] == 0
    assert read_map(tmp_path / "out" / "b.png").shape == (66, 64)


def test_refuses_two_photos_of_one_stem(photos, predict, tmp_path):
    write_image(photos / "a.png", scene(0)[0])
    status, _, err = predict(photos)
    assert status == 2
    assert "would both become" in err
    assert not (tmp_path / "out").exists()


def test_refuses_a_photo_named_like_an_overlay(photos, predict):
    write_image(photos / "a_overlay.png", scene(0)[0])
    assert predict(photos)[0] == 0
    status, _, err = predict(photos, "--overlay", "--overwrite")
    assert (status, "would both become" in err) == (2, True)


def test_never_replaces_a_photo(photos, predict):
    before = (photos / "b.png").read_bytes()
    status, _, err = predict(photos, "--overwrite", output=photos)
    assert status == 2
    assert "would replace a photo" in err
    assert (photos / "b.png").read_bytes() == before


def test_refuses_an_output_that_cannot_be_written(photos, predict, tmp_path):
    (tmp_path / "file").touch()
    for output in (tmp_path / "file", tmp_path / "file" / "deeper"):
        status, _, err = predict(photos, output=output)
        assert status == 2
        assert "cannot be written" in err
    assert (tmp_path / "file").read_bytes() == b""


@pytest.mark.parametrize("wrong", ["none", "empty", "notes.txt"])
def test_refuses_photos_that_are_none(predict, tmp_path, wrong):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("not a photo")
    status, _, err = predict(tmp_path / wrong)
    assert status == 2
    assert wrong in err
    assert err.startswith("error: ")
    assert not (tmp_path / "out").exists()


def test_refuses_a_model_of_another_kind(command, photos, tmp_path):
    status, _, err = command(
        "samnet.predict", photos, "--model", photos / "a.jpg", "--output", tmp_path / "out"
    )
    assert status == 2
    assert "unknown kind of model '.jpg'" in err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def squares(tmp_path, monkeypatch):
    """A photo with two bright squares, and a network that finds what is bright."""
    picture = np.full((90, 120, 3), (20, 60, 20), np.uint8)
    picture[10:50, 10:50] = 250
    picture[60:80, 90:110] = 250
    write_image(tmp_path / "photos" / "two.png", picture)
    monkeypatch.setattr("samnet.predict.load_predictor", lambda *_, **__: bright)
    return tmp_path / "photos"


def bright(photo):
    return np.where(photo.min(axis=2) > 200, 250, 5).astype(np.uint8)


def test_crops_around_one_object_or_all(squares, predict, tmp_path, caplog):
    crop = tmp_path / "out" / "two_crop.png"
    for shape, size in (("1:1", (46, 46)), ("4:3", (46, 61)), ("box", (46, 46))):
        status, _, _ = predict(squares, "--crop", shape, "--overwrite")
        assert status == 0
        found = read_photo(crop)
        assert np.abs(np.subtract(found.shape[:2], size)).max() <= 2
        assert (found > 200).all(axis=2).sum() == 1600
    assert "2 objects, cropped around the 1 of the largest" in caplog.text
    assert predict(squares, "--crop", "box", "--objects", 2, "--overwrite")[0] == 0
    assert (read_photo(crop) > 200).all(axis=2).sum() == 2000


def test_nothing_salient_gives_no_crop(squares, predict, tmp_path):
    write_image(squares / "dark.png", np.zeros((40, 40, 3), np.uint8))
    status, _, err = predict(squares, "--crop", "1:1")
    assert status == 2 and "dark.png: nothing salient above 50%, so no crop" in err
    assert names(tmp_path / "out") == ["dark.png", "two.png", "two_crop.png"]


def test_lines_for_machines(squares, predict):
    status, out, err = predict(squares, "--json", "-", "--objects", 3)
    (line,) = map(json.loads, out.splitlines())
    assert status == 0 and "1 of 1 photos" in err
    assert line["file"].endswith("two.png") and line["size"] == [120, 90] and line["found"] == 2
    np.testing.assert_allclose(line["objects"][0]["box"], [10, 10, 50, 50], atol=1)
    np.testing.assert_allclose(line["objects"][1]["box"], [90, 60, 110, 80], atol=1)


@pytest.mark.parametrize("background", ["#2040ff", "wall.png", "blur"])
def test_backgrounds(squares, predict, tmp_path, monkeypatch, background):
    monkeypatch.chdir(tmp_path)
    write_image("wall.png", np.full((300, 31, 3), (32, 64, 255), np.uint8))
    assert predict(squares, "--background", background)[0] == 0
    found = read_photo(tmp_path / "out" / "two_background.png")
    assert found.shape == (90, 120, 3) and found[30, 30].min() > 240
    expected = (20, 60, 20) if background == "blur" else (32, 64, 255)
    assert np.abs(found[85, 60].astype(int) - expected).max() < 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--crop", "square"), "crop is 'square', expected WIDTH:HEIGHT"),
        (("--crop", "0:1"), "crop is '0:1'"),
        (("--background", "absent.jpg"), "background absent.jpg: no such file"),
        (("--background", "greenish"), "background greenish: no such file, and no color"),
        (("--json", "-", "--objects", "0"), "--objects is 0"),
    ],
)
def test_refuses_wrong_pictures(squares, predict, tmp_path, words, message):
    status, _, err = predict(squares, *words)
    assert status == 2 and message in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()
