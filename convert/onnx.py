"""Writes ``.onnx`` artefacts: ``python -m convert.onnx``."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from convert import command
from convert.artefact import write_artefact
from convert.command import Options
from convert.engine import Content, Format, interfaces
from convert.flatbuffer import Tensors
from convert.formats import Form
from convert.onnx_graph import onnx_graph
from convert.parity import LIMITS
from convert.source import Source
from edge_apps.onnx_backend import open_onnx
from edge_apps.photos import Bytes
from edge_apps.tensors import Floats
from samnet.command import run_command

if TYPE_CHECKING:
    from torch import nn


def _fit(source: Source) -> Source:
    from convert.seven_bits import with_seven_bits
    from quantize.program import QuantizedProgram

    if not isinstance(source.network, QuantizedProgram):
        return source
    return dataclasses.replace(source, network=with_seven_bits(source.network))


def _make(source: Source, form: Form, tensors: Tensors) -> Content:
    from convert.lowering import fold_weights
    from convert.onnx_export import CodesInAndOut, export, metadata_of
    from convert.onnx_fusion import fusion
    from convert.seven_bits import NOTE
    from quantize.folding import fold_batch_norm
    from samnet.deployment import ByteInterface, DeployedNetwork, TensorInterface

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
    map = (1, source.map_size, source.map_size)
    return Content(file, *interfaces(source, tensors, map), fusion(file))


def _intermediates(file: bytes, floats: Floats | None, photo: Bytes) -> list[Any]:
    from convert.onnx_steps import onnx_intermediates

    return list(onnx_intermediates(file, floats.photo(photo) if floats else photo[None]))


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
    intermediates=_intermediates,
)


convert_onnx = functools.partial(write_artefact, FORMAT)
"""Writes a ``.onnx``; arguments and errors are those of :func:`write_artefact`."""


def main(options: Options) -> None:
    """Converts and prints what came of it."""
    command.convert(FORMAT, options)


if __name__ == "__main__":
    run_command(Options, main, "Write an .onnx artefact, check it and describe it in a manifest.")
