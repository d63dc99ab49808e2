"""The tables of ablations: their rows, training of them, going on after an interruption."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import get_args

import pytest
import torch

import samnet
from common.errors import InputError
from samnet import ablate
from samnet.data.synthetic import write_scenes
from samnet.networks.cost import multiply_adds, parameters
from samnet.training.ablation import paper_rows, recipe_rows, table_rows
from samnet.training.options import TrainOptions, config_of, recipe_of
from samnet.training.recipe import RECIPES, Phase, Recipe

TINY = ["--width", "0.25", "--modules", *"11111", "--phases", "64:1", "--batch", "8"]
QUICK = ["--imitation", "0", "--held-out", "4", "--threads", "1"]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 20, 72)
    return folder


@pytest.fixture
def run(command, scenes, tmp_path):
    def run(*arguments):
        places = ["--output", tmp_path / "rows", "--json", tmp_path / "table.json"]
        places += ["--cache", tmp_path / "cache"]
        return command("samnet.ablate", "--data", scenes, *places, *TINY, *QUICK, *arguments)

    return run


def result(tmp_path):
    return json.loads((tmp_path / "table.json").read_text())


def configs(table, tmp_path):
    options = TrainOptions("anywhere", tmp_path)
    return {
        row.key: config_of(dataclasses.replace(options, **row.apply(options)))
        for row in table_rows(table, options)
    }


def test_table_iv_switches_one_component_after_the_other(tmp_path):
    networks = configs("IV", tmp_path)
    assert list(networks) == list("012345")
    assert networks["5"] == samnet.SAMNetConfig()
    assert [network.pyramid_pooling for network in networks.values()] == [False] * 5 + [True]
    assert [network.attention for network in networks.values()] == [
        *("none", "none", "channel", "spatial", "softmax", "softmax")
    ]
    with torch.device("meta"):
        sizes = [parameters(samnet.SAMNet(networks[key])) for key in "01245"]
        single = samnet.SAMNet(networks["0"])
        assert round(multiply_adds(samnet.SAMNet(networks["5"])) / 1e6, 1) == 502.0
    assert sizes == sorted(set(sizes))
    assert all(len(module.branches) == 0 for module in single.encoder.stages[2][1:])


def test_table_v_changes_the_default(tmp_path):
    networks = configs("V", tmp_path)
    assert networks.pop("default") == samnet.SAMNetConfig()
    assert len({str(network) for network in networks.values()}) == 12
    assert networks["modules-4-7"].modules == (1, 1, 3, 7, 3)
    assert networks["rates-1248"].dilation_rates == ((1, 2, 4, 8),) * 4 + ((1, 2),)
    assert networks["last-123"].dilation_rates == ((1, 2, 3),) * 5
    assert networks["width-1.25"].width == 1.25


def test_the_papers_figures_are_those_that_the_issue_names():
    fourth = {row.key: row.paper for row in paper_rows("IV")}
    assert fourth["5"]["ECSSD"] == (0.909, 0.060)
    assert fourth["5"]["DUTS-TE"] == (0.802, 0.069)
    assert fourth["6"]["ECSSD"] == (0.925, 0.053)
    assert paper_rows("V")[0].paper == fourth["5"]
    assert all(len(row.paper) == 6 for table in ("IV", "V") for row in paper_rows(table))


def test_recipe_rows_change_one_field_each(tmp_path):
    options = TrainOptions("anywhere", tmp_path, phases=("64:4", "128:1"), imitation=3.0, batch=9)
    rows = table_rows("recipe", options)
    recipes = {
        row.key: recipe_of(dataclasses.replace(options, **row.apply(options))) for row in rows
    }
    base, paper = recipes.pop("modern"), recipes.pop("paper")
    assert base == recipe_of(options)
    for key, recipe in recipes.items():
        names = [field.name for field in dataclasses.fields(Recipe)]
        assert [n for n in names if getattr(recipe, n) != getattr(base, n)] == [key]
        if key != "phases":
            assert getattr(recipe, key) == getattr(RECIPES["paper"], key)
    assert {"loss", "average", "clip", "schedule", "imitation", "batch"} <= recipes.keys()
    assert recipes["phases"].phases == paper.phases == (Phase(128, 2),)
    assert dataclasses.replace(paper, phases=RECIPES["paper"].phases) == RECIPES["paper"]


def test_other_scales_see_as_many_pixels():
    base = dataclasses.replace(RECIPES["modern"], scales=(2.0, 1.0), phases=(Phase(64, 4),))
    rows = {row.key: row.options for row in recipe_rows(base)}
    assert rows["scales"]["phases"] == rows["paper"]["phases"] == ("64:10",)
    assert rows["scales"]["replace"] == ("scales=[1.0]",)
    assert "phases" not in rows


def test_rows_are_trained_scored_and_reused(run, tmp_path):
    status, out, err = run("--table", "IV", "--rows", "0", "5")
    assert status == 0, err
    rows = result(tmp_path)["rows"]
    assert [row["key"] for row in rows] == ["0", "5"]
    for row in rows:
        network = samnet.load(tmp_path / f"rows/IV-{row['key']}/last.safetensors")
        assert row["parameters"] == parameters(network)
        assert row["multiply_adds"] == multiply_adds(network)
        assert 0 < row["max_F"] <= 1
        assert row["photos"] == 4
        assert row["steps"] == 2
        assert f"{row['max_F']:.3f}" in out
    assert rows[0]["parameters"] < rows[1]["parameters"]
    assert "0.891 / 0.075" in out
    assert result(tmp_path)["protocol"]["held_out"] == 4

    before = (tmp_path / "rows/IV-0/last.safetensors").stat().st_mtime_ns
    assert run("--table", "IV", "--rows", "0", "--overwrite")[0] == 0
    assert (tmp_path / "rows/IV-0/last.safetensors").stat().st_mtime_ns == before
    assert result(tmp_path)["rows"] == rows[:1]


def test_an_interrupted_row_goes_on(run, tmp_path, monkeypatch):
    whole = run("--table", "V", "--rows", "width-0.75", "--validate-every", "1")
    assert whole[0] == 0, whole[2]
    expected = result(tmp_path)["rows"][0]
    weights = samnet.load(tmp_path / "rows/V-width-0.75/last.safetensors").state_dict()
    assert config_width(expected) == 0.75 * 0.25

    trained = ablate.train
    calls = []

    def interrupted(options):
        calls.append(options.resume)
        if len(calls) == 1:
            trainer_stops_after_one_step(monkeypatch)
        trained(options)

    monkeypatch.setattr(ablate, "train", interrupted)
    again = ["--table", "V", "--rows", "width-0.75", "--validate-every", "1", "--overwrite"]
    other = tmp_path / "again"
    assert run(*again, "--output", other)[0] == 130
    assert result(tmp_path)["rows"][0] == expected
    monkeypatch.undo()
    run_again = run(*again, "--output", other)
    assert run_again[0] == 0, run_again[2]
    resumed = samnet.load(other / "V-width-0.75/last.safetensors").state_dict()
    assert all(torch.equal(resumed[name], value) for name, value in weights.items())
    assert result(tmp_path)["rows"][0]["max_F"] == expected["max_F"]


def config_width(row):
    return row["settings"]["network"]["width"]


def trainer_stops_after_one_step(monkeypatch):
    from samnet.training.trainer import Trainer

    step = Trainer.train_step

    def train_step(self, which, *arguments):
        if which.number == 1:
            raise KeyboardInterrupt
        return step(self, which, *arguments)

    monkeypatch.setattr(Trainer, "train_step", train_step)


def test_a_row_that_diverges_does_not_stop_the_others(run, tmp_path, monkeypatch):
    trained = ablate.train

    def train(options):
        if options.output.name == "recipe-clip":
            raise InputError("step 3: the loss is nan")
        trained(options)

    monkeypatch.setattr(ablate, "train", train)
    status, out, err = run("--table", "recipe", "--rows", "clip", "modern")
    assert status == 2
    assert "1 of 2 rows failed: row clip: step 3" in err
    rows = result(tmp_path)["rows"]
    assert rows[0]["failure"] == "step 3: the loss is nan"
    assert rows[1]["max_F"] > 0
    assert "failed" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--table", "IV", "--rows", "7"], "no row 7"),
        (["--table", "IV", "--rows", "6"], "--backbone"),
        (["--table", "V", "--preset", "papr"], "unknown preset"),
    ],
)
def test_wrong_options_are_named(run, tmp_path, arguments, message):
    status, _, err = run(*arguments)
    assert status == 2
    assert message in err
    assert not (tmp_path / "table.json").exists()
    assert not (tmp_path / "rows").exists()


def test_a_folder_of_other_settings_is_left_alone(run, tmp_path):
    folder = tmp_path / "rows/IV-1"
    folder.mkdir(parents=True)
    (folder / "row.json").write_text(json.dumps({"settings": {"seed": 3}}))
    status, _, err = run("--table", "IV", "--rows", "1")
    assert status == 2
    assert "choose another --output" in err
    assert not (folder / "state.pt").exists()


def test_many_processes_are_refused(run, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    status, _, err = run("--table", "IV")
    assert status == 2
    assert "--rows" in err


def test_every_table_has_rows(tmp_path):
    options = TrainOptions("anywhere", tmp_path)
    for table in get_args(ablate.Table):
        keys = [row.key for row in table_rows(table, options)]
        assert len(set(keys)) == len(keys) > 5
    with pytest.raises(InputError, match="no row"):
        table_rows("recipe", options, ["nothing"])


def test_files_of_training_are_left_out_where_they_should_be(tmp_path):
    options = TrainOptions("anywhere", tmp_path, backbone=tmp_path, teacher=tmp_path)
    *scratch, pretrained = table_rows("IV", options)
    assert all(row.apply(options)["backbone"] is None for row in scratch)
    assert pretrained.key == "6"
    assert "backbone" not in pretrained.apply(options)
    recipes = {row.key: row.apply(options) for row in table_rows("recipe", options)}
    assert recipes["teacher"]["teacher"] is None
    assert "teacher" not in recipes["backbone"]
    assert recipes["paper"]["teacher"] is recipes["paper"]["backbone"] is None


def test_rows_of_samnet_lite_change_one_choice_each():
    options = TrainOptions(data="x", output=Path("y"))
    rows = table_rows("lite", options)
    made = [dataclasses.replace(options, **row.apply(options)) for row in rows]
    forms = [(config_of(it), recipe_of(it)) for it in made]
    first_config, first_recipe = forms[0]
    assert len(set(forms)) == len(rows)
    for config, recipe in forms[1:]:
        before = first_config.to_dict() | dataclasses.asdict(first_recipe)
        after = config.to_dict() | dataclasses.asdict(recipe)
        assert sum(before[name] != after[name] for name in before) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "samnet-lite", "width": 0.5}, "width is an option of SAMNet"),
        ({"model": "samnet", "module_strides": (32,)}, "option of samnet-lite"),
        ({"model": "mobilenetv2", "attention": "none"}, "attention is an option of SAMNet"),
    ],
)
def test_options_of_other_networks_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        config_of(TrainOptions(data="x", output=Path("y"), **options))
