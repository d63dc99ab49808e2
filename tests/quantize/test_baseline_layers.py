"""Layers that the paper's other networks have and SAMNet has not."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convert.checks.xnnpack_integers import IntegerInterpreter
from quantize.batch_norm_folding import fold_batch_norm
from quantize.conversion import convert
from quantize.ptq import prepare
from quantize.recipes import STATIC_WI8_AI8
from samnet.networks.baselines.shufflenetv2 import shuffled

SIZE = 16
QUANTIZE = "quantized_decomposed.quantize_per_tensor.default"


class Layers(nn.Module):
    """Clips at 6 after a convolution, pools, halves and shuffles: (1, 3, S, S) to (1, 1, S / 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU6(True))
        self.branch = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU6(True))
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.stem(4 * x), 3, 2, 1)
        x = shuffled(torch.cat([x[:, :4], self.branch(x[:, 4:])], dim=1))
        return self.head(x)


def program():
    torch.manual_seed(0)
    prepared = prepare(fold_batch_norm(Layers()), SIZE, "minmax", STATIC_WI8_AI8)
    with torch.no_grad():
        for _ in range(8):
            prepared(torch.randn(1, 3, SIZE, SIZE).clamp(-1.99, 1.98))
    return convert(prepared, SIZE).module()


def schemes(module, name):
    """Scale and zero point of what each operation of a name gives; None for one left in float."""
    found = [n for n in module.graph.nodes if str(n.target) == name]
    assert found, name
    users = [next(iter(n.users)) for n in found]
    return [u.args[1:3] if str(u.target) == QUANTIZE else None for u in users]


def test_a_clip_at_six_is_part_of_its_convolution():
    module = program()
    convolutions = schemes(module, "aten.conv2d.default")
    # The two that clip give nothing quantized themselves; the head does.
    assert [it is None for it in convolutions] == [True, True, False]
    for scale, zero_point in schemes(module, "aten.hardtanh.default"):
        assert zero_point == -128
        assert 255 * scale <= 6 + 1e-5


def test_what_moves_values_keeps_their_scale():
    module = program()
    (stem, _) = schemes(module, "aten.hardtanh.default")
    (joined,) = schemes(module, "aten.cat.default")
    assert schemes(module, "aten.max_pool2d.default") == [stem]
    assert set(schemes(module, "aten.slice.Tensor")) == {stem}
    for name in ("aten.transpose.int", "aten.reshape.default"):
        assert set(schemes(module, name)) == {joined}


def test_integers_are_those_of_the_program_but_for_ties():
    module = program()
    x = (torch.randn(1, 3, SIZE, SIZE) * 64).round().clamp(-128, 127) / 64
    with torch.no_grad():
        ours, theirs = IntegerInterpreter(module, "integer").run(x), module(x)
    difference = (ours - theirs).abs() * 16
    assert difference.max() <= 2
    assert difference.mean() < 0.1
    assert theirs.std() > 0.01
