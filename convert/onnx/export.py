"""Exports a network to an ONNX graph, tidied and with its description in the metadata."""

from __future__ import annotations

import json
from typing import Any

import onnx
import torch
from onnx import ModelProto, helper
from torch import Tensor, nn

from common.errors import InputError
from common.quiet_libraries import no_warnings
from convert.onnx.graph_cleanup import UNSIGNED, tidy
from convert.tflite.interface import INT8_INPUT, Tensors
from edge_apps.backends.onnx import SCALE, ZERO_POINT
from edge_apps.maps.coding import LOGITS, Coding

OPSET = 20
"""The newest operator set whose quantizing operators every runtime of 2024 knows."""


class CodesInAndOut(nn.Module):
    """Wraps a quantized program: photo (1, S, S, 3) uint8 to map (1, M, M) uint8.

    The program's input and output are quantized; a byte is the code plus 128.

    Args:
        program: maps a normalized photo (1, 3, S, S) to (1, 1, M, M).
        coding: of the map.
    """

    def __init__(self, program: nn.Module, coding: Coding = LOGITS) -> None:
        super().__init__()
        self.program = program
        self.coding = coding

    def forward(self, photo: Tensor) -> Tensor:
        """Compute the coded map of one photo."""
        how = (0, 255, torch.uint8)
        ops = torch.ops.quantized_decomposed
        scale, zero_point = INT8_INPUT
        x = ops.dequantize_per_tensor(photo, scale, zero_point + UNSIGNED, *how)
        saliency_map = self.program(x.permute(0, 3, 1, 2))
        scheme = (self.coding.scale, self.coding.zero_point)
        codes: Tensor = ops.quantize_per_tensor(saliency_map, *scheme, *how)
        return codes.reshape(1, *codes.shape[2:])


def export(
    module: nn.Module, size: int, metadata: dict[str, str], tensors: Tensors = "bytes"
) -> ModelProto:
    """Export a module that maps (1, S, S, 3) to (1, M, M), both uint8 or both float32.

    Args:
        module: a float network, or a program within :class:`CodesInAndOut`.
        size: S.
        metadata: of the file; its ``name`` names the graph too.
        tensors: what it takes and gives.

    Raises:
        InputError: if the result is no valid ONNX network.
    """
    kind = torch.uint8 if tensors == "bytes" else torch.float32
    model = raw_export(module, torch.zeros(1, size, size, 3, dtype=kind), OPSET)
    tidy(model)
    _describe(model, metadata)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"the exported network is no valid ONNX ({reason})") from error
    return model


def raw_export(network: nn.Module, photo: Tensor, opset: int) -> ModelProto:
    """Export a network with one input, ``photo``, and one output, ``map``, by torch's exporter.

    Args:
        network: in evaluation mode.
        photo: to trace it with.
        opset: version of the operator set.

    Raises:
        InputError: if the exporter gives nothing.
    """
    with no_warnings(), torch.no_grad():
        program = torch.onnx.export(
            torch.export.export(network, (photo,)),
            (),
            dynamo=True,
            external_data=False,
            opset_version=opset,
            input_names=["photo"],
            output_names=["map"],
            verbose=False,
        )
    if program is None:
        raise InputError("torch's exporter gave no ONNX network; convert with another engine")
    model: ModelProto = program.model_proto
    return model


def metadata_of(
    preprocessing: dict[str, Any],
    size: int,
    source: dict[str, str],
    coding: Coding = LOGITS,
    tensors: Tensors = "bytes",
) -> dict[str, str]:
    """Build the entries of ``metadata_props``, all text.

    Args:
        preprocessing: mean and std of values in 0 to 1.
        size: S in pixels.
        source: ``name``, ``precision``, ``source_sha256`` and, of an int8 file, ``weights``.
        coding: of the map.
        tensors: what the network takes and gives.
    """
    inside = tensors == "bytes"
    applied = "inside the network" if inside else "by the caller"
    kind = "bytes" if inside else "float32"
    return {
        **source,
        "size": str(size),
        "preprocessing": json.dumps({**preprocessing, "applied": applied}),
        "input": f"RGB photo, 1 x S x S x 3, {kind}",
        "output": f"saliency map, 1 x M x M, {kind}; {coding.describe(in_bytes=inside)}",
        SCALE: repr(coding.scale),
        ZERO_POINT: str(coding.zero_point),
        "license": "Apache-2.0",
    }


def _describe(model: ModelProto, metadata: dict[str, str]) -> None:
    """Set the file's metadata and take out traces of the machine it was made on."""
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    for constant in model.graph.initializer:
        del constant.metadata_props[:]
    model.graph.name = metadata["name"]
    model.producer_name, model.producer_version = "samnet convert onnx", ""
    helper.set_model_props(model, metadata)
