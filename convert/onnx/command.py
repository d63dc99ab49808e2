"""Writes ``.onnx`` artifacts: ``samnet convert onnx``."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from common.command import Command
from convert.artifact import cli
from convert.artifact.cli import Options
from convert.artifact.write import write_artifact
from convert.checks.maps import LIMITS
from convert.contract.engine import Content, Format, interfaces
from convert.contract.forms import Form
from convert.contract.source import Source
from convert.graphs.onnx import onnx_graph
from convert.tflite.interface import Tensors
from edge_apps.backends.onnx import open_onnx

if TYPE_CHECKING:
    from torch import nn


def _fit(source: Source) -> Source:
    from convert.onnx.seven_bit_weights import with_seven_bits
    from quantize.quantized_program import QuantizedProgram

    if not isinstance(source.network, QuantizedProgram):
        return source
    return dataclasses.replace(source, network=with_seven_bits(source.network))


def _make(source: Source, form: Form, tensors: Tensors) -> Content:
    from convert.executorch.lowering import fold_weights
    from convert.onnx.export import CodesInAndOut, export, metadata_of
    from convert.onnx.fusion import fusion
    from convert.onnx.seven_bit_weights import NOTE
    from quantize.batch_norm_folding import fold_batch_norm
    from samnet.networks.deployed import ByteInterface, DeployedNetwork, TensorInterface

    preprocessing = source.preprocessing
    about = {
        "name": source.path.stem,
        "precision": form.precision,
        "source_sha256": source.checkpoint_sha256,
    }
    if source.is_program:
        about["weights"] = NOTE
    values = {"mean": preprocessing.mean, "std": preprocessing.std}
    metadata = metadata_of(values, source.size, about, source.coding, tensors)
    module: nn.Module
    if isinstance(source.network, DeployedNetwork):
        inner = fold_batch_norm(source.network)
        wrapper = ByteInterface if tensors == "bytes" else TensorInterface
        module = wrapper(inner, preprocessing).eval()
    else:
        weights = fold_weights(source.network.exported)
        module = CodesInAndOut(weights, source.coding)
        if tensors == "float":
            module = TensorInterface(weights, preprocessing)
    file = export(module, source.size, metadata, tensors).SerializeToString(deterministic=True)
    saliency_map = (1, source.map_size, source.map_size)
    return Content(file, *interfaces(source, tensors, saliency_map), fusion(file))


FORMAT = Format(
    suffix=".onnx",
    packages={"torch.onnx": ("torch", "torchao", "onnx", "onnxscript", "onnxruntime")},
    limits=dict(LIMITS),
    make=_make,
    open=open_onnx,
    graph=onnx_graph,
    resize="float",
    sums="float",
    fit=_fit,
)


convert_onnx = functools.partial(write_artifact, FORMAT)
"""Writes a ``.onnx``; arguments and errors are those of :func:`write_artifact`."""


def main(options: Options) -> None:
    """Convert and print what came of it."""
    cli.convert(FORMAT, options)


COMMAND = Command.of(
    Options, main, "Writes an .onnx artifact, checks it and describes it in a manifest."
)
