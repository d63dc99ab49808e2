"""Writes ``.onnx`` artefacts: ``python -m convert.onnx``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from convert import command
from convert.artefact import Content, Format, write_artefact
from convert.command import Options
from convert.onnx_graph import onnx_graph
from convert.parity import FLOAT_LIMIT, INT8_LIMIT
from convert.source import Source
from edge_apps.manifest import Interface
from edge_apps.onnx_backend import open_onnx
from samnet.command import run_command

if TYPE_CHECKING:
    from torch import nn


def _make(source: Source) -> Content:
    from convert.lowering import fold_weights
    from convert.onnx_export import CodesInAndOut, export, metadata_of
    from convert.onnx_fusion import fusion
    from quantize.folding import fold_batch_norm
    from samnet.deployment import ByteInterface, DeployedNetwork

    preprocessing = source.preprocessing
    metadata = metadata_of(
        {"mean": preprocessing.mean, "std": preprocessing.std},
        source.size,
        {
            "name": source.path.stem,
            "precision": source.precision,
            "source_sha256": source.checkpoint_sha256,
        },
    )
    if isinstance(source.network, DeployedNetwork):
        folded = fold_batch_norm(source.network)
        module: nn.Module = ByteInterface(folded, preprocessing).eval()
        steps = 255
    else:
        module = CodesInAndOut(fold_weights(source.network.exported))
        steps = 256
    file = export(module, source.size, metadata).SerializeToString(deterministic=True)
    photo, map = (1, source.size, source.size, 3), (1, source.map_size, source.map_size)
    scale, middle = 1 / (255 * preprocessing.std), 255 * preprocessing.mean
    return Content(
        file,
        Interface(photo, "NHWC", "uint8", scale, round(middle)),
        Interface(map, "NHW", "uint8", 1 / steps, 0),
        fusion(file),
    )


FORMAT = Format(
    suffix=".onnx",
    engine="torch.onnx",
    packages=("torch", "torchao", "onnx", "onnxscript", "onnxruntime"),
    limits={"fp32": FLOAT_LIMIT, "int8": INT8_LIMIT},
    make=_make,
    open=open_onnx,
    graph=onnx_graph,
    resize="float",
    sums="float",
)


convert_onnx = functools.partial(write_artefact, FORMAT)
"""Writes a ``.onnx``; arguments and errors are those of :func:`write_artefact`."""


def main(options: Options) -> None:
    """Converts and prints what came of it."""
    command.convert(FORMAT, options)


if __name__ == "__main__":
    run_command(Options, main, "Write an .onnx artefact, check it and describe it in a manifest.")
