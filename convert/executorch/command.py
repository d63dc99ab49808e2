"""Writes ``.pte`` artifacts: ``samnet convert executorch``."""

from __future__ import annotations

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
from convert.graphs.pte import pte_graph
from convert.tflite.interface import Tensors
from edge_apps.backends.pte import open_pte

if TYPE_CHECKING:
    from torch import nn


def _make(source: Source, form: Form, tensors: Tensors) -> Content:
    from convert.executorch.lowering import PhotoToMap, fold_weights, lower
    from quantize.batch_norm_folding import fold_batch_norm
    from samnet.networks.deployed import DeployedNetwork, TensorInterface

    scale = 1 / (255 * source.preprocessing.std)
    offset = 255 * source.preprocessing.mean * scale
    is_float = isinstance(source.network, DeployedNetwork)
    inner: nn.Module
    if isinstance(source.network, DeployedNetwork):
        inner = fold_batch_norm(source.network)
    else:
        inner = fold_weights(source.network.exported)
    if tensors == "float":
        module: nn.Module = TensorInterface(inner, source.preprocessing)
    else:
        module = PhotoToMap(inner, scale, offset, source.coding, codes=not is_float)
    file, delegation = lower(module, source.size, tensors, source.coding)
    saliency_map = (1, source.map_size, source.map_size)
    return Content(file, *interfaces(source, tensors, saliency_map), delegation)


FORMAT = Format(
    suffix=".pte",
    packages={"executorch": ("executorch", "torch", "torchao")},
    limits=dict(LIMITS),
    make=_make,
    open=open_pte,
    graph=pte_graph,
    resize="float",
)


convert_executorch = functools.partial(write_artifact, FORMAT)
"""Writes a ``.pte``; arguments and errors are those of :func:`write_artifact`."""


def main(options: Options) -> None:
    """Convert and print what came of it."""
    cli.convert(FORMAT, options)


COMMAND = Command.of(
    Options, main, "Writes a .pte artifact, checks it and describes it in a manifest."
)
