"""Post-training quantization and the programs it gives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from common.cli import finish
from common.errors import InputError
from edge_apps.maps.coding import LOGITS
from quantize import ptq
from quantize.batch_norm_folding import fold_batch_norm
from quantize.calibration import CalibrationSet, calibration_set, normalize
from quantize.conversion import check_scales
from quantize.quantized_program import load_program, save_program
from quantize.recipes import quantized_weight
from samnet import Preprocessing, load_checkpoint, save_checkpoint
from samnet.data.synthetic import scene, write_scenes
from samnet.networks.deployed import DeployedNetwork

QUANTIZED = torch.ops.quantized_decomposed


@pytest.fixture(scope="module")
def unseen():
    return [scene(seed)[0] for seed in (100, 101, 102)]


@pytest.mark.parametrize("attention", ["stick_breaking", "softmax"])
def test_int8_is_close_to_float(taught, quantized, unseen, attention):
    checkpoint, program = load_checkpoint(taught(attention)), quantized(attention)
    network = DeployedNetwork(checkpoint.model, 96).eval()
    for photo in unseen:
        with torch.no_grad():
            logits = network(normalize(photo, checkpoint.preprocessing))[0, 0]
        expected = program.coding.enlarge(LOGITS.bytes(logits.numpy()), 96, photo.shape[:2])
        difference = np.abs(program(photo).astype(int) - expected)
        assert expected.std() > 20, "the network has learned nothing, so this compares nothing"
        assert difference.mean() < 16


def test_a_program_segments_photos_of_any_size(quantized):
    saliency_map = quantized("stick_breaking")(scene(5, (50, 130))[0])
    assert saliency_map.shape == (50, 130) and saliency_map.dtype == np.uint8


def test_folding_leaves_the_network_and_its_maps(taught):
    checkpoint = load_checkpoint(taught("softmax"))
    network = DeployedNetwork(checkpoint.model, 96).eval()
    before = sum(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    x = normalize(scene(3)[0], checkpoint.preprocessing)
    folded = fold_batch_norm(network)
    with torch.no_grad():
        assert torch.allclose(folded(x), network(x), atol=1e-3)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules()) == before


def test_a_program_survives_its_file(quantized, unseen, tmp_path):
    program, path = quantized("stick_breaking"), tmp_path / "p.pt2"
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


def test_foreign_and_missing_programs_are_refused(quantized, tmp_path):
    exported = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
    torch.export.save(exported, tmp_path / "foreign.pt2")
    with pytest.raises(InputError, match="was not written by"):
        load_program(tmp_path / "foreign.pt2")
    with pytest.raises(InputError, match="no such file"):
        load_program(tmp_path / "missing.pt2")
    with pytest.raises(InputError, match=r"\.pt2"):
        save_program(tmp_path / "p.bin", quantized("stick_breaking"))


def test_another_normalization_is_refused(taught):
    checkpoint = load_checkpoint(taught("softmax"))
    other = dataclasses.replace(checkpoint, preprocessing=Preprocessing(0.45, 0.23, 96))
    photos = CalibrationSet(np.zeros((1, 96, 96, 3), np.uint8), 0)
    with pytest.raises(InputError, match="the recipe needs"):
        ptq.post_training_quantize(other, photos)


def test_values_that_are_not_finite_are_refused(taught):
    checkpoint = load_checkpoint(taught("stick_breaking"))
    with torch.no_grad():
        checkpoint.model.decoded_heads[0].conv.bias.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        ptq.post_training_quantize(checkpoint, calibration_set([scene(0)[0]], 1, 96))


@pytest.fixture
def options(taught, tmp_path):
    write_scenes(tmp_path / "data", 8)
    return ptq.Options(
        model=taught("stick_breaking"),
        calibration=(tmp_path / "data" / "images",),
        output=tmp_path / "out" / "p.pt2",
        count=8,
    )


def test_the_command_writes_a_program_once(options, capsys):
    options.keep_float, options.correct_bias = ("head",), True
    ptq.main(options)
    assert "static_wi8_ai8+float(head), calibrated on 8 photos" in capsys.readouterr().out
    info = load_program(options.output).info
    assert info.size == 96 and len(info.source_sha256) == 64
    assert info.recipe == "static_wi8_ai8+float(head)"
    assert info.calibration["correction"] == "biases corrected"
    with pytest.raises(InputError, match="--overwrite"):
        ptq.main(options)


def test_wrong_input_ends_with_status_2_and_writes_nothing(
    options, quantized, taught, tmp_path, capsys
):
    empty = tmp_path / "empty"
    empty.mkdir()
    few = tmp_path / "few"
    write_scenes(few, 3)
    program = tmp_path / "program.pt2"
    save_program(program, quantized("stick_breaking"))
    rounded = load_checkpoint(taught("stick_breaking"))
    with torch.no_grad():
        for part in rounded.model.modules():
            if isinstance(part, torch.nn.Conv2d):
                part.weight.copy_(quantized_weight(part.weight))
    save_checkpoint(tmp_path / "rounded.safetensors", rounded)
    for change, line in (
        ({"calibration": (empty,)}, "no photo in"),
        ({"calibration": (few / "images",)}, "3 photos to calibrate on; expected at least 8"),
        ({"model": program}, "is a quantized program or an artifact"),
        ({"model": tmp_path / "rounded.safetensors"}, "quantized already"),
        ({"keep_float": ("decoder.fusion.1",)}, "did you mean 'decoder.fusions.1'"),
    ):
        with pytest.raises(SystemExit) as ended:
            finish(lambda change=change: ptq.main(dataclasses.replace(options, **change)))
        error = capsys.readouterr().err
        assert ended.value.code == 2 and line in error and len(error.splitlines()) == 1
        assert not options.output.exists()


@pytest.mark.parametrize("value", [0.0, float("inf"), float("nan"), -1.0])
def test_scales_that_cannot_be_are_refused(value):
    class Rounds(torch.nn.Module):
        def forward(self, x):
            codes = QUANTIZED.quantize_per_tensor(x, value, 0, -128, 127, torch.int8)
            return QUANTIZED.dequantize_per_tensor(codes, value, 0, -128, 127, torch.int8)

    graph = torch.fx.symbolic_trace(Rounds())
    with pytest.raises(InputError, match=r"a scale of .* expected a positive finite one"):
        check_scales(graph)
