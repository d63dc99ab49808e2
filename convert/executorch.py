"""Writes ``.pte`` artefacts: ``python -m convert.executorch``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from convert import command
from convert.artefact import write_artefact
from convert.command import Options
from convert.engine import Content, Format, interfaces
from convert.flatbuffer import Tensors
from convert.formats import Form
from convert.parity import LIMITS
from convert.pte_graph import pte_graph
from convert.source import Source
from edge_apps.errors import InputError
from edge_apps.photos import Bytes
from edge_apps.pte_backend import open_pte
from edge_apps.tensors import Floats
from samnet.command import run_command

if TYPE_CHECKING:
    from torch import nn


def _make(source: Source, form: Form, tensors: Tensors) -> Content:
    from convert.lowering import PhotoToMap, fold_weights, lower
    from quantize.folding import fold_batch_norm
    from samnet.deployment import DeployedNetwork, TensorInterface

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
    map = (1, source.map_size, source.map_size)
    return Content(file, *interfaces(source, tensors, map), delegation)


def _intermediates(file: bytes, floats: Floats | None, photo: Bytes) -> list[Any] | None:
    from convert.pte_steps import pte_intermediates

    try:
        return list(pte_intermediates(file, floats.photo(photo) if floats else photo[None]))
    except InputError:
        # Several delegates, or none.
        return None


FORMAT = Format(
    suffix=".pte",
    packages={"executorch": ("executorch", "torch", "torchao")},
    limits=dict(LIMITS),
    make=_make,
    open=open_pte,
    graph=pte_graph,
    resize="float",
    intermediates=_intermediates,
)


convert_executorch = functools.partial(write_artefact, FORMAT)
"""Writes a ``.pte``; arguments and errors are those of :func:`write_artefact`."""


def main(options: Options) -> None:
    """Converts and prints what came of it."""
    command.convert(FORMAT, options)


if __name__ == "__main__":
    run_command(Options, main, "Write a .pte artefact, check it and describe it in a manifest.")
