"""Contact sheets show the photos, masks and maps they should, with the right errors."""

from __future__ import annotations

import numpy as np
import pytest

from common.images.photos import read_map, read_photo, write_image
from samnet import sheet
from samnet.data.layouts import find_pairs
from samnet.data.synthetic import write_scenes
from samnet.evaluation.metrics import SaliencyMetrics
from samnet.evaluation.predictor import load_predictor


@pytest.fixture
def run(command, scenes, tmp_path):
    def run(*arguments):
        output = tmp_path / "sheet.png"
        return command("samnet.sheet", "--data", scenes, "--output", output, *arguments)

    return run


@pytest.fixture
def maps(scenes, tmp_path):
    """Perfect maps, but for the last one, which is the inverse."""
    folder = tmp_path / "perfect"
    for i, pair in enumerate(find_pairs(scenes).pairs):
        mask = read_map(pair.mask)
        write_image(folder / f"{pair.stem}.png", 255 - mask if i == 2 else mask)
    return folder


def tile(picture, row, column):
    """A tile of a sheet with one group a line."""
    top = sheet.GAP + row * (sheet.TILE[0] + sheet.CAPTION + sheet.GAP)
    left = sheet.GAP + column * (sheet.TILE[1] + sheet.GAP)
    return picture[top : top + sheet.TILE[0], left : left + sheet.TILE[1]].astype(int)


def test_shows_photo_mask_and_the_maps_of_models(run, scenes, maps, tiny_checkpoint, tmp_path):
    given = ["--model", maps, "--model", tiny_checkpoint, "--threads", "1", "--across", "1"]
    status, out, err = run(*given)
    assert status == 0, err
    picture = read_photo(tmp_path / "sheet.png")
    pairs = find_pairs(scenes).pairs
    metrics = SaliencyMetrics("fast")
    predict = load_predictor(tiny_checkpoint)
    for row, pair in enumerate(pairs):
        saliency_map = predict(read_photo(pair.photo))
        metrics.add(saliency_map, read_map(pair.mask))
        shown = [read_photo(pair.photo), read_map(pair.mask), read_map(maps / f"{pair.stem}.png")]
        for column, expected in enumerate([*shown, saliency_map]):
            # The scenes are smaller than a tile: shown as they are, at its bottom, centerd.
            part = tile(picture, row, column)[-72:, 32:128]
            wanted = expected if expected.ndim == 3 else expected[..., None]
            assert np.array_equal(part, np.broadcast_to(wanted, part.shape)), (row, column)
    assert "perfect: MAE 0.3333 on these 3 photos" in out
    assert f"tiny.safetensors: MAE {metrics.scores().MAE:.4f}" in out


def test_photos_are_spread_over_the_set_or_named(tmp_path):
    write_scenes(tmp_path / "many", 9, 64)
    data = find_pairs(tmp_path / "many")
    evenly = [pair.stem[-1] for pair in sheet.chosen(data, 3)]
    assert evenly == ["0", "4", "8"]
    assert sheet.chosen(data, 99) == list(data.pairs)
    named = sheet.chosen(data, 3, ["scene-0007", "scene-0001"])
    assert [pair.stem for pair in named] == ["scene-0007", "scene-0001"]


def test_groups_stand_side_by_side(run, maps, tmp_path):
    assert run("--model", maps, "--across", "2")[0] == 0
    height, width, _ = read_photo(tmp_path / "sheet.png").shape
    assert height == 2 * (sheet.TILE[0] + sheet.CAPTION + sheet.GAP) + sheet.GAP
    assert width > 6 * sheet.TILE[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "missing.safetensors"], "no such file"),
        (["--model", "MAPS", "--model", "MAPS"], "expected each once"),
        (["--model", "MAPS", "--stems", "nobody"], "no photo with the stem nobody"),
        (["--model", "MAPS", "--count", "0"], "--count is 0"),
        (["--model", "MAPS", "--across", "0"], "--across is 0"),
        ([], "required: MODEL"),
    ],
)
def test_wrong_input_is_named(run, maps, tmp_path, arguments, message):
    status, _, err = run(*[maps if a == "MAPS" else a for a in arguments])
    assert status == 2
    assert message in err
    assert not (tmp_path / "sheet.png").exists()


def test_a_sheet_is_not_overwritten_unasked(run, maps, tmp_path):
    (tmp_path / "sheet.png").write_bytes(b"kept")
    assert run("--model", maps)[0] == 2
    assert (tmp_path / "sheet.png").read_bytes() == b"kept"
    assert run("--model", maps, "--overwrite")[0] == 0
    assert read_photo(tmp_path / "sheet.png").ndim == 3
