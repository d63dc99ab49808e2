"""Executes a quantized program in the integer arithmetic of XNNPACK.

Torch executes a program in float: every operation on dequantized values, its result rounded. A
value that lies between two codes can round either way there, a few do in every photo, and sixty
layers later a map shows it. Here such values round as in XNNPACK, on which both the ``.tflite``
and the ``.pte`` run, so that an artifact's maps can be compared without that tolerance.

The arithmetic is that of XNNPACK's reference kernels (``xnnpack/microparams-init.h``):

* convolutions, matrix products, products and means: an exact integer, times one float32
  multiplier, rounded half to even;
* sums and differences: both codes times multipliers of 21 bits, added, shifted back with halves
  rounded up;
* bilinear resize: weights of 11 bits a direction, halves rounded up; or in float32, first across
  and then down. Where a position is halfway between two, half of all values lie between two codes,
  and the order in which float32 rounds decides.

Everything else, and whatever the recipe leaves in float, is executed as torch does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node
from torch.nn import functional as F

from common.images.photos import Bytes
from convert.graphs.kinds import TORCH, UNKNOWN, Kind
from quantize.calibration import normalize
from quantize.quantized_program import QuantizedProgram, map_bytes

_aten = torch.ops.aten
_quantized = torch.ops.quantized_decomposed

Arithmetic = Literal["integer", "float"]

Resize = Arithmetic
"""LiteRT gives bilinear resizing to XNNPACK in int8, ExecuTorch in float."""

Sums = Arithmetic
"""XNNPACK adds codes in integers; onnxruntime in float32, rounded half to even."""

EXACT = 2**24
"""Integers below this are exact in float32."""


class IntegerProgram:
    """Segments photos as a program's artifact does.

    Args:
        program: executed in integers.
        resize: how bilinear resizing is done.
        sums: how sums and differences are done.
    """

    def __init__(self, program: QuantizedProgram, resize: Resize, sums: Sums = "integer") -> None:
        self._preprocessing = program.info.preprocessing
        self._coding = program.coding
        self._interpreter = IntegerInterpreter(program.module, resize, sums)

    def run(self, photo: Bytes) -> Bytes:
        """Compute the coded map (M, M) uint8 of a photo (S, S, 3) uint8."""
        with torch.no_grad():
            saliency_map = self._interpreter.run(normalize(photo, self._preprocessing))
        return map_bytes(saliency_map[0, 0], self._coding)

    @property
    def in_float(self) -> list[str]:
        """Kinds of operations that the photos so far met in float, where codes may tip over."""
        return sorted(self._interpreter.in_float)


class IntegerInterpreter(Interpreter):
    """Executes a program's quantized operations in integers.

    Args:
        module: the program's graph.
        resize: how bilinear resizing is done.
        sums: how sums and differences are done.
    """

    def __init__(self, module: GraphModule, resize: Resize, sums: Sums = "integer") -> None:
        # Operations look back at the codes of what they are given.
        super().__init__(module, garbage_collect_values=False)
        self._float_resize = resize == "float"
        self._float_sums = sums == "float"
        self.in_float: set[str] = set()

    def run_node(self, n: Node) -> Any:
        """Execute one node, in integers if it quantizes to int8."""
        if n.target != _quantized.quantize_per_tensor.default or n.args[5] != torch.int8:
            return super().run_node(n)
        given: Any = n.args
        source, lowest, highest = given[0], -128, 127
        scale, zero_point = np.float32(given[1]), int(given[2])
        if source.target in (_aten.relu.default, _aten.hardtanh.default):
            lowest, highest = _bounds(source, scale, zero_point)
            (source,) = source.all_input_nodes
        codes = self._rounded(source, scale)
        if codes is None:
            # A softmax in float has another exponential in torch than in XNNPACK.
            if source.op == "call_function" and not _kind(source).exact:
                self.in_float.add(str(source.target))
            return super().run_node(n)
        return (codes + zero_point).clamp(lowest, highest).to(torch.int8)

    def _rounded(self, node: Node, scale: np.float32) -> Tensor | None:
        """Compute an operation's codes less the zero point; None for one done in float."""
        arguments: Any = node.args
        arithmetic = _kind(node).integers
        given: list[Any] = node.all_input_nodes[: 1 if arithmetic == "product" else 2]
        dequantize = _quantized.dequantize_per_tensor.default
        if not given or any(n.target != dequantize for n in given):
            return None
        values: list[Tensor] = [self.env[n.args[0]].float() - n.args[2] for n in given]
        ratios = [np.float32(n.args[1]) for n in given]
        if arithmetic == "product":
            return self._product(node, values[0], ratios[0], scale)
        if arithmetic == "scaled" and len(given) == 2:
            return (values[0] * values[1] * float(ratios[0] * ratios[1] / scale)).round()
        if arithmetic == "mean" and list(arguments[1]) == [2, 3]:
            count = np.float32(values[0].shape[2] * values[0].shape[3])
            total = values[0].sum((2, 3), keepdim=True)
            return (total * float(ratios[0] / scale / count)).round()
        if arithmetic in ("sum", "difference") and len(given) == 2:
            sign = -1 if arithmetic == "difference" else 1
            steps = [ratio / scale for ratio in ratios]
            if self._float_sums:
                return (values[0] * float(steps[0]) + values[1] * float(sign * steps[1])).round()
            return _sum(values, steps, sign)
        if arithmetic == "resize" and arguments[2]:
            height, width = arguments[1]
            if not self._float_resize:
                return _resized(values[0], height, width)
            if not self._float_sums:
                resized = _resized_in_float(values[0] * float(ratios[0]), height, width)
                return (resized * float(1 / scale)).round()
        return None

    def _product(
        self, node: Node, codes: Tensor, input_scale: np.float32, scale: np.float32
    ) -> Tensor | None:
        arguments: Any = node.args
        quantized: Any = arguments[1].args[0] if arguments[1].args else None
        if getattr(quantized, "target", None) != _quantized.quantize_per_channel.default:
            return None
        weight, scales = self.env[quantized].float(), self.env[quantized.args[1]]
        if weight[0].numel() * 127 * 255 >= EXACT:
            codes, weight = codes.double(), weight.double()
        shape: tuple[int, ...] = (-1,)
        if node.target == _aten.conv2d.default:
            product, shape = F.conv2d(codes, weight, None, *arguments[3:]), (-1, 1, 1)
        else:
            product = F.linear(codes, weight)
        product = product.double()
        if len(arguments) > 2 and arguments[2] is not None:
            step = float(input_scale) * scales.double()
            product = product + (self.env[arguments[2]] / step).round().reshape(shape)
        multiplier = torch.from_numpy(input_scale * scales.float().numpy() / scale)
        return (product.float() * multiplier.reshape(shape)).round()


def _kind(node: Node) -> Kind:
    return TORCH.get(str(node.target), UNKNOWN)


def _bounds(activation: Node, scale: np.float32, zero_point: int) -> tuple[int, int]:
    """Return the smallest and the largest code that an activation lets through."""
    limits: Any = activation.args[1:] if activation.target == _aten.hardtanh.default else (0,)
    codes = [round(float(np.float32(limit) / scale)) + zero_point for limit in limits]
    return max(-128, codes[0]), min(127, *codes[1:], 127)


def _sum(values: Sequence[Tensor], ratios: Sequence[np.float32], sign: int) -> Tensor:
    exponent = int(np.frexp(max(ratios))[1]) - 1
    shift = 20 - exponent
    first, second = (round(float(ratio) * 2.0**shift) for ratio in ratios)
    total = values[0].double() * first + values[1].double() * (sign * second)
    return ((total + 2.0 ** (shift - 1)) / 2.0**shift).floor()


def _resized(values: Tensor, height: int, width: int) -> Tensor:
    """Resize codes (N, C, H, W) bilinearly with aligned corners."""
    top, bottom, down = _positions(values.shape[2], height)
    left, right, across = _positions(values.shape[3], width)
    down, across = ((share * 2048).round().double() for share in (down, across))
    values = values.double()

    def row(index: Tensor) -> Tensor:
        start = values[:, :, index][..., left]
        return start * 2048 + (values[:, :, index][..., right] - start) * across

    upper = row(top)
    mixed = upper * 2048 + (row(bottom) - upper) * down[:, None]
    return ((mixed + 2.0**21) / 2.0**22).floor()


def _resized_in_float(values: Tensor, height: int, width: int) -> Tensor:
    """Resize float32 values (N, C, H, W) likewise."""
    top, bottom, down = _positions(values.shape[2], height)
    left, right, across = _positions(values.shape[3], width)

    def row(index: Tensor) -> Tensor:
        start = values[:, :, index][..., left]
        return start + (values[:, :, index][..., right] - start) * across

    upper = row(top)
    return upper + (row(bottom) - upper) * down[:, None]


def _positions(side: int, target: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the positions before and behind each new one, and the latter's share in float32."""
    step = np.float32(side - 1) / np.float32(max(1, target - 1))
    position = np.arange(target, dtype=np.float32) * step
    before = np.minimum(position.astype(np.int64), side - 1)
    share = position - before.astype(np.float32)
    behind = np.minimum(before + 1, side - 1)
    return torch.from_numpy(before), torch.from_numpy(behind), torch.from_numpy(share)
