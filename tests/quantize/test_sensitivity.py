"""The ranking of modules by what quantizing them loses, and what it stands on."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from common.cli import finish
from common.errors import InputError
from quantize import compare_options, sensitivity
from quantize.calibration import calibration_set, normalize
from quantize.module_costs import costs
from quantize.module_map import units
from quantize.module_ranking import shortest
from quantize.module_simulation import OUTSIDE, Simulation
from quantize.ptq import corrected, observe, post_training_quantize, prepare
from quantize.quality_drop import Effect
from quantize.quantized_program import map_bytes
from quantize.recipes import STATIC_WI8_AI8
from samnet import load_checkpoint
from samnet.data.synthetic import scene, write_scenes


@pytest.fixture(scope="module")
def checkpoint(taught):
    return load_checkpoint(taught("stick_breaking"))


@pytest.fixture(scope="module")
def calibration():
    return calibration_set([scene(seed)[0] for seed in range(16)], 16, 96)


@pytest.fixture(scope="module")
def network(checkpoint, calibration):
    return corrected(checkpoint, calibration)


@pytest.fixture(scope="module")
def graph(network):
    return prepare(network, 96, "percentile", STATIC_WI8_AI8)


@pytest.fixture(scope="module")
def costly(network, graph):
    """Before the simulation replaces the observers."""
    return costs(graph, units(network))


@pytest.fixture(scope="module")
def simulation(checkpoint, calibration, network, graph, costly):
    observe(graph, checkpoint, calibration)
    return Simulation(graph, units(network))


@pytest.fixture(scope="module")
def x(checkpoint):
    return normalize(scene(100)[0], checkpoint.preprocessing)


def test_the_modules_are_those_of_the_network(network):
    found = units(network)
    assert found[0] == "encoder.stages.0.0" and found[-1] == "head" and "pyramid" in found
    assert sum(name.startswith("decoder.fusions.") for name in found) == 4
    held = sum(p.numel() for name in found for p in network.get_submodule(name).parameters())
    assert held == sum(p.numel() for p in network.parameters())


def test_everything_in_float_is_the_float_network(simulation, network, x):
    found = simulation.run(x, simulation.everything)
    assert not found.quantized
    with torch.no_grad():
        assert torch.equal(found.logits, network(x))


@pytest.mark.parametrize("kept", [(), ("encoder.stages.1.1", "decoder.fusions.1")])
def test_the_simulation_is_the_program(simulation, checkpoint, calibration, quantized, kept):
    program = quantized("stick_breaking")
    assert program.info.calibration["sha256"] == calibration.sha256
    if kept:
        recipe = STATIC_WI8_AI8.keeping(kept)
        program = post_training_quantize(checkpoint, calibration, recipe=recipe)
    for seed in (100, 101):
        photo = scene(seed)[0]
        mine = simulation.run(normalize(photo, checkpoint.preprocessing), kept).logits
        assert np.abs(map_bytes(mine[0, 0]).astype(int) - program.run(photo)).mean() < 0.01


def test_starting_from_another_choice_changes_nothing(simulation, x):
    floating = simulation.run(x, simulation.everything, keep=True)
    quantized = simulation.run(x, keep=True)
    module = "encoder.stages.2.1"
    for kept, start in ((simulation.everything - {module}, floating), ({module}, quantized)):
        direct, continued = simulation.run(x, kept), simulation.run(x, kept, start)
        assert torch.equal(direct.logits, continued.logits)
        assert not torch.equal(direct.logits, start.logits)


def test_a_module_alone_has_only_its_own_steps(simulation, x):
    alone = simulation.run(x, simulation.everything - {"head"}).quantized
    # The weight, the input and the logits.
    assert len(alone) == 3
    joined = simulation.run(x, simulation.everything - {OUTSIDE}).quantized
    assert 0 < len(joined) < 40


def test_costs_are_those_of_the_convolutions(costly, network):
    first = network.encoder.stages[0][0].conv
    assert costly["encoder.stages.0.0"].weights == first.weight.numel()
    assert costly["encoder.stages.0.0"].multiply_adds == first.weight.numel() * 48 * 48


def test_the_list_is_as_short_as_it_can_be():
    gains = {"a": 0.001, "b": 0.004, "c": 0.02, "d": 0.1}
    asked = []

    def effect(kept):
        asked.append(tuple(kept))
        return Effect(0, -0.03 + sum(gains[name] for name in kept), 0)

    whole = Effect(0, -0.03, 0)
    kept, found = shortest(["a", "b", "c"], whole, effect, 0.009)
    # a and b were added on the way to c, which is enough with either; a leaves first.
    assert kept == ("b", "c") and found.max_F >= -0.009
    assert shortest(["a", "b"], Effect(0, -0.001, 0), effect, 0.003)[0] == ()
    assert shortest(["a"], whole, effect, 0.003)[0] == ("a",)


@pytest.fixture
def options(taught, tmp_path):
    write_scenes(tmp_path / "scenes", 8)
    return sensitivity.Options(
        model=taught("stick_breaking"),
        data=f"scenes={tmp_path / 'scenes'}",
        calibration=(tmp_path / "scenes" / "images",),
        json=tmp_path / "out.json",
        plot=tmp_path / "out.png",
        limit=1,
        count=8,
        max_drop=0.5,
    )


def test_the_command_writes_ranking_and_plot(options, capsys):
    sensitivity.main(options)
    result = json.loads(options.json.read_text())
    ranked = [row["only"]["snr"] for row in result["rows"]]
    assert ranked == sorted(ranked) and len(ranked) == len(result["costs"])
    # A module alone can lose more than all together, where errors cancel; most do not.
    assert ranked[len(ranked) // 2] > result["whole"]["snr"]
    assert result["suggestion"]["keep_float"] == []
    assert result["data"] == {"name": "scenes", "count": 1} and result["environment"]["packages"]
    printed = capsys.readouterr().out
    assert "Keep nothing in float" in printed and result["rows"][0]["module"] in printed
    with Image.open(options.plot) as image:
        assert image.width > 500 and np.asarray(image.convert("L")).std() > 5
    with pytest.raises(InputError, match="--overwrite"):
        sensitivity.main(options)


def test_wrong_input_ends_with_status_2(options, tmp_path, capsys):
    (tmp_path / "scenes" / "images" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit) as ended:
        finish(lambda: sensitivity.main(options))
    error = capsys.readouterr().err
    assert ended.value.code == 2 and "broken.png: not a readable picture" in error
    assert not options.json.exists() and not options.plot.exists()
    options.max_drop = -1
    with pytest.raises(InputError, match="max-drop"):
        sensitivity.main(options)


def test_options_of_ptq_are_compared(options, tmp_path, capsys):
    compare_options.main(
        compare_options.Options(
            model=(options.model,),
            data=options.data,
            calibration=options.calibration,
            json=tmp_path / "compared.json",
            observers=("minmax", "mse"),
            limit=2,
            count=8,
        )
    )
    (found,) = json.loads((tmp_path / "compared.json").read_text())["models"]
    floating, *rows = found["rows"]
    assert floating["observer"] is None
    assert len({(row["correction"], row["observer"]) for row in rows}) == len(rows) == 8
    assert all(5 < row["snr"] < 60 for row in rows)
    assert len({row["snr"] for row in rows}) == 8
    assert "equalized, mse" in capsys.readouterr().out
