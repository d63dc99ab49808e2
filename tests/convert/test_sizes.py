"""Sizes beside the usual ones: every format converts at them, and no other is taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from convert.artifact.write import write_artifact
from convert.contract.engine import format_of
from convert.contract.forms import CONVERTERS, FORMS
from edge_apps.manifest import manifest_path
from edge_apps.runtime import load
from samnet.data.synthetic import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from convert.contract.forms import Form
    from samnet.networks.config import Attention

UNUSUAL = 160
"""A multiple of 32 that no shipped network, page or other test uses."""

PHOTOS = [(f"scene {seed}", scene(seed)[0]) for seed in (100, 101)]


def check(form: Form, source: Path, output: Path) -> None:
    """Converts to a form; what it writes passes its gates and runs at that size."""
    done = write_artifact(
        format_of(form.suffix),
        source,
        output,
        precision=form.precision,
        engine=form.engine,
        photos=PHOTOS,
        size=UNUSUAL,
    )
    segmenter = load(done.path, threads=1)
    assert done.manifest.size == segmenter.size == UNUSUAL
    assert done.manifest.input.shape == (1, UNUSUAL, UNUSUAL, 3)
    # The shared checkpoints have decoders of stride 4.
    assert done.manifest.output.shape[1:3] == (UNUSUAL // 4, UNUSUAL // 4)
    saliency_map = segmenter(scene(7, (50, 120))[0])
    assert saliency_map.shape == (50, 120) and np.ptp(saliency_map) > 0


@pytest.mark.parametrize("attention", ["softmax", "stick_breaking", "none", "channel", "spatial"])
@pytest.mark.parametrize("size", [192, 256, 320, 336, 384])
def test_folding_changes_no_map(attention: Attention, size: int) -> None:
    from quantize.batch_norm_folding import fold_batch_norm
    from samnet import SAMNet, SAMNetConfig
    from samnet.networks.deployed import DeployedNetwork

    torch.manual_seed(0)
    model = SAMNet(SAMNetConfig(attention=attention, width=0.25, modules=(1, 1, 1, 1, 1)))
    model.train()(torch.randn(4, 3, 64, 64))  # batch statistics that are not the initial ones
    model.eval()
    folded = fold_batch_norm(DeployedNetwork(model, size))
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        assert torch.allclose(folded(x), model.logits(x), rtol=0, atol=1e-3)


@pytest.mark.parametrize("suffix", CONVERTERS)
def test_floats_convert_at_an_unusual_size(
    suffix: str, edge_checkpoint: Path, tmp_path: Path
) -> None:
    form = next(form for form in FORMS if (form.suffix, form.precision) == (suffix, "fp32"))
    check(form, edge_checkpoint, tmp_path / f"edge_{UNUSUAL}_{form.ending}")


@pytest.fixture(scope="module")
def program(taught: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A taught network, quantized at the unusual size."""
    from quantize.calibration import calibration_set
    from quantize.ptq import post_training_quantize
    from quantize.quantized_program import save_program
    from samnet import load_checkpoint

    path = tmp_path_factory.mktemp("program") / "edge.pt2"
    photos = calibration_set([scene(seed)[0] for seed in range(16)], 16, UNUSUAL)
    save_program(path, post_training_quantize(load_checkpoint(taught("stick_breaking")), photos))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("suffix", CONVERTERS)
def test_int8_converts_at_an_unusual_size(suffix: str, program: Path, tmp_path: Path) -> None:
    form = next(
        form
        for form in FORMS
        if (form.suffix, form.precision, form.start) == (suffix, "int8", "program")
    )
    check(form, program, tmp_path / f"edge_{UNUSUAL}_{form.ending}")


@pytest.mark.parametrize("size", [64, 100])
@pytest.mark.parametrize("suffix", CONVERTERS)
def test_sizes_without_a_form_are_one_line_and_status_2(
    suffix: str,
    size: int,
    edge_checkpoint: Path,
    tmp_path: Path,
    command: Callable[..., tuple[int, str, str]],
) -> None:
    output = tmp_path / f"edge{suffix}"
    arguments = ("--model", edge_checkpoint, "--output", output, "--size", size)
    status, _, said = command(CONVERTERS[suffix].package, *arguments)
    assert status == 2 and said.count("\n") == 1
    assert f"size {size} cannot be deployed; use 336 or a multiple of 32 from 96 up" in said
    assert not output.exists() and not manifest_path(output).exists()


def test_all_forms_are_refused_before_the_first_is_made(
    edge_checkpoint: Path, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    status, printed, said = command(
        "convert.all", edge_checkpoint, "--output", tmp_path / "all", "--size", 100
    )
    assert status == 2 and said.count("\n") == 1 and "size 100" in said
    assert not printed and not (tmp_path / "all").exists()
