"""A program in XNNPACK's integers gives the maps of its artifacts."""

from __future__ import annotations

import copy

import pytest
import torch
from one_module import SCENES, one_module_int8, one_module_pte, one_module_tflite, quantized
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import CheckFailedError
from convert.checks.maps import INTEGER_LIMIT, compare
from convert.checks.xnnpack_integers import IntegerProgram
from convert.tflite.litert import round_weights
from edge_apps.backends.pte import open_pte
from edge_apps.backends.tflite import open_tflite
from edge_apps.maps.coding import LOGITS
from samnet.data.synthetic import scene
from samnet.networks.layers import ConvBN, resize


def backend(kind, attention, folder):
    path = folder / f"x.{kind}"
    if kind == "pte":
        path.write_bytes(one_module_pte(attention))
        return open_pte(path, 1)
    path.write_bytes(one_module_tflite(attention, "int8"))
    return open_tflite(path, 1)


@pytest.mark.parametrize("kind", ["tflite", "pte"])
@pytest.mark.parametrize("attention", ["stick_breaking", "softmax"])
def test_every_byte_of_the_artifact_is_the_integers(kind, attention, tmp_path):
    program = one_module_int8(attention)
    reference = IntegerProgram(program, "float" if kind == "pte" else "integer")
    run = backend(kind, attention, tmp_path).run
    parity = compare(run, reference.run, "integers", SCENES)
    assert reference.in_float == (["aten.div.Tensor"] if attention == "softmax" else [])
    INTEGER_LIMIT.check(parity)
    # The softmax is in float, where the two approximate the exponential each in its own way.
    assert parity.steps_max <= (1 if attention == "softmax" else 0), parity


def test_the_integers_are_the_program_but_for_ties():
    program = one_module_int8("stick_breaking")
    parity = compare(IntegerProgram(program, "integer").run, program.run, "torch", SCENES)
    assert 0 < parity.steps_mean < 0.2 and parity.steps_max <= 3


def test_bilinear_resizing_has_aligned_corners():
    from convert.checks.xnnpack_integers import _resized

    x = torch.randint(-128, 128, (1, 2, 7, 5)).float()
    ours = _resized(x, 20, 13)
    exact = F.interpolate(x.double(), (20, 13), mode="bilinear", align_corners=True)
    assert (ours - exact).abs().max() < 0.5 + 256 / 2048
    assert torch.equal(
        ours[..., [0, 0, -1, -1], [0, -1, 0, -1]], x.double()[..., [0, 0, -1, -1], [0, -1, 0, -1]]
    )


class Halfway(nn.Module):
    """Resizes to positions halfway between two others."""

    size = 12

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = ConvBN(3, 8, 3, stride=2), nn.Conv2d(8, 1, 1)
        with torch.no_grad():
            self.head.weight *= 8  # a code more or less shows

    def forward(self, x: Tensor) -> Tensor:
        return resize(self.head(resize(self.stem(x), (11, 11))), (self.size, self.size))


def test_values_halfway_between_two_codes_round_as_in_the_artifact(tmp_path):
    from convert.executorch.lowering import PhotoToMap, fold_weights, lower

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Halfway().eval()
    photos = [(str(seed), scene(seed, network.size)[0]) for seed in range(8)]
    program = quantized([photo for _, photo in photos], network)
    folded = PhotoToMap(fold_weights(program.exported), 1 / 64, 2.0, LOGITS, codes=True)
    path = tmp_path / "x.pte"
    path.write_bytes(lower(folded, network.size)[0])
    found = compare(open_pte(path, 1).run, IntegerProgram(program, "float").run, "", photos)
    assert found.steps_max == 0, found
    assert compare(open_pte(path, 1).run, program.run, "", photos).steps_max > 0


def test_a_network_of_other_weights_is_told_apart(tmp_path):
    run = backend("tflite", "stick_breaking", tmp_path).run
    other = one_module_int8("softmax")
    parity = compare(run, IntegerProgram(other, "integer").run, "integers", SCENES)
    with pytest.raises(CheckFailedError, match="differs from its origin"):
        INTEGER_LIMIT.check(parity)


def test_weights_between_two_codes_move_onto_one():
    module = copy.deepcopy(one_module_int8("").exported).module()
    weight = module.get_parameter("stem.conv.weight")
    quantize = torch.ops.quantized_decomposed.quantize_per_channel.default
    node = next(n for n in module.graph.nodes if n.target == quantize)
    scale = module.get_buffer(node.args[1].target).reshape(-1, 1, 1, 1)
    with torch.no_grad():
        weight.copy_(torch.randint(-100, 100, weight.shape) * scale + 0.4 * scale)
        codes = (weight / scale).round()
        round_weights(module)
        assert torch.allclose(weight, codes * scale, rtol=1e-6, atol=0)
