"""Post-training quantisation and the programs it gives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from edge_apps.errors import InputError
from quantize import ptq
from quantize.calibration import CalibrationSet, calibration_set, normalise
from quantize.folding import fold_batch_norm
from quantize.program import load_program, save_program
from samnet import Preprocessing, load_checkpoint
from samnet.data.synthetic import scene
from samnet.deployment import DeployedNetwork


@pytest.fixture(scope="module")
def unseen():
    return [scene(seed)[0] for seed in (100, 101, 102)]


@pytest.mark.parametrize("attention", ["stick_breaking", "softmax"])
def test_int8_is_close_to_float(taught, quantised, unseen, attention):
    checkpoint, program = load_checkpoint(taught(attention)), quantised(attention)
    for photo in unseen:
        with torch.no_grad():
            expected = checkpoint.model(normalise(photo, checkpoint.preprocessing))[0, 0] * 255
        difference = np.abs(program.run(photo) - expected.numpy())
        assert expected.std() > 20, "the network has learned nothing, so this compares nothing"
        assert difference.mean() < 12


def test_a_program_segments_photos_of_any_size(quantised):
    map = quantised("stick_breaking")(scene(5, (50, 130))[0])
    assert map.shape == (50, 130) and map.dtype == np.uint8


def test_folding_leaves_the_network_and_its_maps(taught):
    checkpoint = load_checkpoint(taught("softmax"))
    network = DeployedNetwork(checkpoint.model, 96).eval()
    before = sum(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    x = normalise(scene(3)[0], checkpoint.preprocessing)
    folded = fold_batch_norm(network)
    with torch.no_grad():
        assert torch.allclose(folded(x), network(x), atol=1e-3)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules()) == before


def test_a_program_survives_its_file(quantised, unseen, tmp_path):
    program, path = quantised("stick_breaking"), tmp_path / "p.pt2"
    save_program(path, program)
    loaded = load_program(path)
    assert loaded.info == program.info
    assert loaded.info.method == "ptq" and loaded.info.calibration["count"] == 16
    assert np.array_equal(loaded.run(unseen[0]), program.run(unseen[0]))
    with pytest.raises(InputError, match="--overwrite"):
        save_program(path, program)

    damaged = tmp_path / "damaged.pt2"
    damaged.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="not a readable"):
        load_program(damaged)


def test_foreign_and_missing_programs_are_refused(quantised, tmp_path):
    exported = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
    torch.export.save(exported, tmp_path / "foreign.pt2")
    with pytest.raises(InputError, match="was not written by"):
        load_program(tmp_path / "foreign.pt2")
    with pytest.raises(InputError, match="no such file"):
        load_program(tmp_path / "missing.pt2")
    with pytest.raises(InputError, match=r"\.pt2"):
        save_program(tmp_path / "p.bin", quantised("stick_breaking"))


def test_another_normalisation_is_refused(taught):
    checkpoint = load_checkpoint(taught("softmax"))
    other = dataclasses.replace(checkpoint, preprocessing=Preprocessing(0.45, 0.23, 96))
    photos = CalibrationSet(np.zeros((1, 96, 96, 3), np.uint8), 0)
    with pytest.raises(InputError, match="the recipe needs"):
        ptq.post_training_quantize(other, photos)


def test_values_that_are_not_finite_are_refused(taught):
    checkpoint = load_checkpoint(taught("stick_breaking"))
    with torch.no_grad():
        checkpoint.model.heads[0].conv.bias.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        ptq.post_training_quantize(checkpoint, calibration_set([scene(0)[0]], 1, 96))


def test_the_command_writes_a_program_once(taught, tmp_path, capsys):
    from samnet.data.synthetic import write_scenes

    write_scenes(tmp_path / "data", 2)
    options = ptq.Options(
        model=taught("stick_breaking"),
        photos=(tmp_path / "data" / "images",),
        output=tmp_path / "out" / "p.pt2",
        count=4,
    )
    ptq.main(options)
    assert "static_wi8_ai8" in capsys.readouterr().out
    info = load_program(options.output).info
    assert info.size == 96 and len(info.source_sha256) == 64
    with pytest.raises(InputError, match="--overwrite"):
        ptq.main(options)
