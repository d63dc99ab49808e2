from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from common.images.photos import read_map, read_photo, write_image
from edge_apps.maps.refinement import Refinement
from samnet.data.layouts import find_pairs
from samnet.evaluate import evaluate
from samnet.evaluation.metrics import PROTOCOL, SaliencyMetrics, Scores
from samnet.evaluation.predictor import load_predictor


@pytest.fixture
def run(command, scenes, tmp_path):
    def run(*arguments, data=None):
        specs = data or [f"scenes={scenes}"]
        flags = [flag for spec in specs for flag in ("--data", spec)]
        return command("samnet.evaluate", *flags, "--json", tmp_path / "result.json", *arguments)

    return run


@pytest.fixture
def maps(scenes, tmp_path):
    """Ready maps of the scenes: their masks."""
    folder = tmp_path / "maps"
    for pair in find_pairs(scenes).pairs:
        write_image(folder / f"{pair.stem}.png", read_map(pair.mask))
    return folder


def result(tmp_path):
    return json.loads((tmp_path / "result.json").read_text())


def test_evaluates_a_checkpoint(run, scenes, tiny_checkpoint, tmp_path):
    status, out, _ = run("--model", tiny_checkpoint, "--save-maps", tmp_path / "kept")
    assert status == 0
    assert " ".join(out.split()).endswith(PROTOCOL)
    metrics = SaliencyMetrics()
    predict = load_predictor(tiny_checkpoint)
    for pair in find_pairs(scenes).pairs:
        saliency_map = predict(read_photo(pair.photo))
        metrics.add(saliency_map, read_map(pair.mask))
        np.testing.assert_array_equal(
            read_map(tmp_path / "kept/scenes" / f"{pair.stem}.png"), saliency_map
        )
    data, _ = result(tmp_path)["rows"]
    for field, value in metrics.scores().to_dict().items():
        assert data[field] == value, field
    assert f"{data['max_F']:.4f}" in out


def test_both_last_steps_are_measured_and_named(run, scenes, tiny_checkpoint, tmp_path):
    status, out, _ = run("--model", tiny_checkpoint, "--save-maps", tmp_path / "kept")
    data, other = result(tmp_path)["rows"]
    assert status == 0 and data["last_step"] == "plain"
    refined = load_predictor(tiny_checkpoint, refine=Refinement())
    metrics = SaliencyMetrics()
    for pair in find_pairs(scenes).pairs:
        saliency_map = refined(read_photo(pair.photo))
        metrics.add(saliency_map, read_map(pair.mask))
        kept = read_map(tmp_path / "kept/scenes-refined" / f"{pair.stem}.png")
        np.testing.assert_array_equal(kept, saliency_map)
    assert other["name"] == f"{tiny_checkpoint.name}, refined" and other["last_step"] == "refined"
    assert other["MAE"] == metrics.scores().MAE != data["MAE"]
    assert [line.split()[1] for line in out.splitlines() if line.startswith("scenes ")] == [
        "plain",
        "refined",
    ]
    assert run("--model", tiny_checkpoint, "--no-refine", "--overwrite")[0] == 0
    (alone,) = result(tmp_path)["rows"]
    assert alone == data


def test_the_result_file_says_how_it_was_measured(run, tiny_checkpoint, tmp_path):
    run("--model", tiny_checkpoint, "--threads", 1, "--limit", 2, "--metrics", "fast")
    found = result(tmp_path)
    assert found["protocol"] == PROTOCOL
    assert found["rows"][0]["file"] == tiny_checkpoint.name
    assert len(found["measured"][tiny_checkpoint.name]) == 64
    assert found["environment"]["threads"] == 1
    assert found["rows"][0]["count"] == 2
    assert found["rows"][0]["S"] is None


def test_ready_maps_agree_with_the_model_that_made_them(run, tiny_checkpoint, tmp_path):
    run("--model", tiny_checkpoint, "--save-maps", tmp_path / "kept")
    first, _ = result(tmp_path)["rows"]
    assert run("--maps", tmp_path / "kept", "--overwrite")[0] == 0
    (given,) = result(tmp_path)["rows"]
    assert (given["last_step"], given["origin"], given["sha256"]) == ("given", "maps", None)
    scores = [field.name for field in dataclasses.fields(Scores)]
    assert [given[key] for key in scores] == [first[key] for key in scores]


def test_perfect_ready_maps(run, maps, tmp_path):
    assert run("--maps", maps)[0] == 0
    (data,) = result(tmp_path)["rows"]
    assert data["max_F"] == 1
    assert data["MAE"] == 0


def test_several_data_sets(run, scenes, maps, tmp_path):
    status, out, _ = run("--maps", maps, data=[f"one={scenes}", f"ECSSD={scenes}"])
    assert status == 0
    assert [row["data"] for row in result(tmp_path)["rows"]] == ["one", "ECSSD"]
    assert "ECSSD: 3 of its 1000 photos." in out


def test_a_missing_ready_map(run, maps, tmp_path):
    (maps / "scene-0001.png").unlink()
    status, _, err = run("--maps", maps)
    assert status == 2
    assert "scene-0001.png: no such map; 1 of the 3" in err
    assert not (tmp_path / "result.json").exists()


def test_a_ready_map_of_another_size(run, maps, tmp_path):
    write_image(maps / "scene-0001.png", np.zeros((64, 64), np.uint8), overwrite=True)
    status, _, err = run("--maps", maps)
    assert status == 2
    assert "scene-0001.png: map of 64x64 pixels, mask of 96x72; 1 of the 3 maps" in err
    assert not (tmp_path / "result.json").exists()


def test_a_mask_of_another_size(run, scenes, tiny_checkpoint):
    write_image(scenes / "masks/scene-0002.png", np.zeros((64, 64), np.uint8), overwrite=True)
    status, _, err = run("--model", tiny_checkpoint)
    assert status == 2
    assert "scene-0002.png: mask of 64x64 pixels" in err


@pytest.mark.parametrize("name", ["images/scene-0001.jpg", "masks/scene-0001.png"])
def test_an_unreadable_file_ends_it(run, scenes, tiny_checkpoint, tmp_path, name):
    (scenes / name).write_bytes(b"no picture")
    status, _, err = run("--model", tiny_checkpoint)
    assert status == 2
    assert name in err
    assert [path.name for path in tmp_path.iterdir()] == ["scenes"]


def test_an_existing_result_stays(run, maps, tmp_path):
    (tmp_path / "result.json").write_text("precious")
    status, _, err = run("--maps", maps)
    assert status == 2
    assert "--overwrite" in err
    assert (tmp_path / "result.json").read_text() == "precious"


def test_a_result_that_cannot_be_written_is_found_first(command, scenes, tiny_checkpoint, tmp_path):
    (tmp_path / "file").touch()
    status, out, err = command(
        *("samnet.evaluate", "--data", scenes, "--model", tiny_checkpoint),
        *("--json", tmp_path / "file" / "result.json", "--save-maps", tmp_path / "kept"),
    )
    assert (status, out) == (2, "")
    assert "cannot be written" in err
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --model FILE or --maps DIR"),
        (["--model", "a.pte", "--maps", "b"], "either --model FILE or --maps DIR"),
        (["--model", "none.safetensors"], "no such file"),
        (["--maps", "none"], "no such map"),
        (["--maps", "none", "--limit", "0"], "--limit is 0"),
    ],
)
def test_wrong_options(run, arguments, message, tmp_path):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "result.json").exists()


def test_two_data_sets_need_two_names(run, scenes, maps):
    assert run("--maps", maps, data=[f"a={scenes}", f"a={scenes}"])[0] == 2


def test_evaluate_as_a_function(scenes):
    pairs = find_pairs(scenes).pairs
    scores = evaluate(pairs, lambda pair: read_map(pair.mask), "fast")
    assert (scores.max_F, scores.MAE, scores.count) == (1, 0, 3)
