"""The litert-torch engine: converts torch straight to a TFLite flatbuffer."""

from __future__ import annotations

import contextlib
import io
import logging
import operator
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from common.errors import InputError
from convert.tflite.int16_kernels import mend
from convert.tflite.interface import (
    INT8_INPUT,
    INT8_OUTPUT,
    INT16_INPUT,
    INT16_OUTPUT,
    Scheme,
    Tensors,
    interface_scales,
    with_interface,
)
from convert.tflite.padding import fold_padding
from edge_apps.maps.coding import LOGITS
from quantize.batch_norm_folding import fold_batch_norm
from quantize.quantized_program import QuantizedProgram
from samnet.networks.deployed import DeployedNetwork, byte_scale, rest_of_zero_point
from samnet.networks.preprocessing import Preprocessing


class ChannelLast(nn.Module):
    """Wraps a network to take (1, S, S, 3) and give (1, S, S, 1).

    Args:
        network: maps (1, 3, S, S) to (1, 1, S, S).
        shift: added to the input.
    """

    def __init__(self, network: nn.Module, shift: float = 0.0) -> None:
        super().__init__()
        self.network = network
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        """Compute the map (1, M, M, 1) of a photo (1, S, S, 3)."""
        x = x.permute(0, 3, 1, 2)
        if self.shift:
            x = x + self.shift
        saliency_map: Tensor = self.network(x)
        return saliency_map.permute(0, 2, 3, 1)


def convert_float(
    network: DeployedNetwork, preprocessing: Preprocessing, tensors: Tensors = "bytes"
) -> bytes:
    """Convert a network to a float ``.tflite``."""
    return float_interface(bare_float(network, preprocessing), preprocessing, tensors)


def bare_float(network: DeployedNetwork, preprocessing: Preprocessing) -> bytes:
    """Convert to a flatbuffer between float tensors, whose input's zero point is a whole byte."""
    module = ChannelLast(fold_batch_norm(network), rest_of_zero_point(preprocessing))
    return _convert(module, network.size, quantized=False)


def float_interface(content: bytes, preprocessing: Preprocessing, tensors: Tensors) -> bytes:
    """Give a flatbuffer between float tensors the interface that is asked for."""
    saliency_map = (LOGITS.scale, LOGITS.zero_point)
    return with_interface(content, tensors, byte_scale(preprocessing), saliency_map)


def convert_int8(program: QuantizedProgram, tensors: Tensors = "bytes") -> bytes:
    """Convert a program whose activations are int8 to a ``.tflite``.

    Raises:
        InputError: if the converter did not keep the input's or the output's scale.
    """
    return _convert_program(program, (INT8_INPUT, INT8_OUTPUT[program.info.map]), tensors)


def convert_int16x8(program: QuantizedProgram, tensors: Tensors = "bytes") -> bytes:
    """Convert a program whose activations are int16 and whose weights are int8 to a ``.tflite``.

    Raises:
        InputError: as :func:`convert_int8` and :func:`convert.tflite.int16_kernels.mend`, and
            if the network has an operation that the converter does not know in int16.
    """
    expected = (INT16_INPUT, INT16_OUTPUT[program.info.map])
    try:
        return _convert_program(program, expected, tensors)
    except ValueError as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise InputError(
            f"litert-torch does not convert this network with int16 activations ({reason}); "
            "quantize it with static_wi8_ai8"
        ) from error


def _convert_program(
    program: QuantizedProgram, expected: tuple[Scheme, Scheme], tensors: Tensors
) -> bytes:
    module = ChannelLast(round_weights(program.exported.module()))
    content = mend(_convert(module, program.info.size, quantized=True))
    found = interface_scales(content)
    if found != expected:
        raise InputError(
            f"input and output have the scales and zero points {found}, expected {expected}; "
            "quantize the checkpoint with samnet quantize ptq or qat"
        )
    # Bytes are int8 codes and 128 more, whatever the activations inside have.
    scale, zero_point = INT8_INPUT
    saliency_map = (program.coding.scale, program.coding.zero_point)
    return with_interface(content, tensors, (scale, zero_point + 128), saliency_map)


def round_weights(module: GraphModule) -> GraphModule:
    """Move every weight of a program onto its code, in place, and return the module.

    The converter rounds weights anew, and where one lies between two codes it may choose the
    other; such a channel then departs by up to a code wherever that input is large.
    """
    quantize = torch.ops.quantized_decomposed.quantize_per_channel.default
    dequantize = torch.ops.quantized_decomposed.dequantize_per_channel.default
    with torch.no_grad():
        for node in module.graph.nodes:
            if node.target == quantize:
                weight, scales, zero_points = (
                    operator.attrgetter(n.target)(module) for n in node.args[:3]
                )
                how = (scales, zero_points, *node.args[3:])
                weight.copy_(dequantize(quantize(weight, *how), *how))
    return module


def _convert(module: nn.Module, size: int, *, quantized: bool) -> bytes:
    with _quiet():
        import litert_torch
        from litert_torch.quantize.pt2e_quantizer import (
            PT2EQuantizer,
            get_symmetric_quantization_config,
        )
        from litert_torch.quantize.quant_config import QuantConfig

        # Nothing is quantized here: the configuration only tells the converter that the graph's
        # quantization steps are static and are to become integer arithmetic.
        quantizer = PT2EQuantizer().set_global(get_symmetric_quantization_config())
        example = (torch.zeros(1, size, size, 3),)
        with torch.no_grad():
            model = litert_torch.convert(
                _evaluating(module),
                example,
                quant_config=QuantConfig(pt2e_quantizer=quantizer) if quantized else None,
            )
        return fold_padding(bytes(model.model_content()))


def _evaluating(module: nn.Module) -> nn.Module:
    """Mark as evaluated without calling ``eval``, which exported graphs refuse."""
    for part in module.modules():
        part.training = False
    return module


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the engine's progress off standard output and its warnings off standard error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
