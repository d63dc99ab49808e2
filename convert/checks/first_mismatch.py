"""Names the first torch module whose results an artifact does not reproduce."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from common.images.photos import Bytes
from convert.graphs.kinds import TORCH, UNKNOWN, is_product
from quantize.batch_norm_folding import fold_batch_norm
from quantize.calibration import normalize
from quantize.module_map import module_of
from quantize.quantized_program import QuantizedProgram
from samnet.networks.layers import ConvBN
from samnet.networks.preprocessing import Preprocessing

Values = NDArray[np.float32]

Named = tuple[str, Values]
"""A torch module and what it gives."""

LIMIT = 0.1
"""Relative error of a module's output from which it counts as another: artifacts that pass their
checks keep float outputs to a thousandth and quantized ones to a few hundredths."""


def first_mismatch(intermediates: Sequence[Values], expected: Iterable[Named]) -> str:
    """Name the first product whose result no intermediate of an artifact equals.

    Args:
        intermediates: what the artifact's operations gave, maps as (1, C, H, W).
        expected: of :func:`network_outputs` or :func:`program_outputs`, for the same photo.

    Returns:
        A torch name and how far the nearest tensor of that shape lies, or "" where all are there.
    """
    for name, values in expected:
        same = [v for v in intermediates if v.shape == values.shape]
        nearest = min((_distance(v, values) for v in same), default=math.inf)
        if nearest > LIMIT:
            return f"{name} (nearest tensor {nearest:.2f} of its size away)"
    return ""


def _distance(found: Values, expected: Values) -> float:
    """Compute the relative error of a tensor; infinite where it or the expected is not finite."""
    # Squares of the float32 that a broken operation may give exceed the range of float32.
    ours, theirs = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        error = float(np.linalg.norm(ours - theirs))
    relative = error / (float(np.linalg.norm(theirs)) or 1.0)
    return math.inf if math.isnan(relative) else relative


def network_outputs(network: nn.Module, preprocessing: Preprocessing, photo: Bytes) -> list[Named]:
    """Compute what a float network's convolutions give, with their activation, as executed.

    Args:
        network: takes (1, 3, S, S).
        preprocessing: of the network.
        photo: (S, S, 3) uint8.
    """
    folded, found = fold_batch_norm(network), list[Named]()

    def keep(name: str) -> Any:
        return lambda module, inputs, output: found.append((name, output.numpy().copy()))

    for name, part in folded.named_modules():
        if isinstance(part, ConvBN):
            part.register_forward_hook(keep(name))
    with torch.no_grad():
        folded(normalize(photo, preprocessing))
    return found


def program_outputs(program: QuantizedProgram, photo: Bytes) -> list[Named]:
    """Compute what the quantized products of a program give, dequantized, as executed.

    Args:
        program: takes (1, 3, S, S).
        photo: (S, S, 3) uint8.
    """
    products = _Products(program.module)
    with torch.no_grad():
        products.run(normalize(photo, program.info.preprocessing))
    return products.found


class _Products(torch.fx.Interpreter):
    """Runs a program and keeps what its products give after their activation."""

    def __init__(self, module: torch.fx.GraphModule) -> None:
        super().__init__(module)
        self.found: list[Named] = []

    def run_node(self, n: torch.fx.Node) -> Any:
        result = super().run_node(n)
        quantized = torch.ops.quantized_decomposed.quantize_per_tensor.default
        if n.target == quantized:
            product, scale, zero_point = n.args[:3]
            assert isinstance(product, torch.fx.Node)
            if TORCH.get(str(product.target), UNKNOWN).role == "clip":
                product = product.all_input_nodes[0]
            if is_product(TORCH, str(product.target)):
                values = (result.numpy().astype(np.float32) - zero_point) * scale
                self.found.append((module_of(product), values.astype(np.float32)))
        return result
