"""Writes ``.pte`` artefacts: ``python -m convert.executorch``."""

from __future__ import annotations

import functools

from convert import command
from convert.artefact import Content, Format, write_artefact
from convert.command import Options
from convert.parity import FLOAT_LIMIT, INT8_LIMIT
from convert.pte_graph import pte_graph
from convert.source import Source
from edge_apps.manifest import Interface
from edge_apps.pte_backend import open_pte
from samnet.command import run_command


def _make(source: Source) -> Content:
    from convert.lowering import PhotoToMap, fold_weights, lower
    from quantize.folding import fold_batch_norm
    from samnet.deployment import DeployedNetwork

    scale = 1 / (255 * source.preprocessing.std)
    middle = 255 * source.preprocessing.mean
    offset = middle * scale
    if isinstance(source.network, DeployedNetwork):
        steps = 255.0
        module = PhotoToMap(fold_batch_norm(source.network), scale, offset, steps, rounding=0.5)
    else:
        # The output's codes are the map's bytes as they are.
        steps = 256.0
        weights = fold_weights(source.network.exported)
        module = PhotoToMap(weights, scale, offset, steps, rounding=0.0)
    file, delegation = lower(module, source.size)
    photo, map = (1, source.size, source.size, 3), (1, source.map_size, source.map_size)
    return Content(
        file,
        Interface(photo, "NHWC", "uint8", scale, round(middle)),
        Interface(map, "NHW", "uint8", 1 / steps, 0),
        delegation,
    )


FORMAT = Format(
    suffix=".pte",
    engine="executorch",
    packages=("executorch", "torch", "torchao"),
    limits={"fp32": FLOAT_LIMIT, "int8": INT8_LIMIT},
    make=_make,
    open=open_pte,
    graph=pte_graph,
    resize="float",
)


convert_executorch = functools.partial(write_artefact, FORMAT)
"""Writes a ``.pte``; arguments and errors are those of :func:`write_artefact`."""


def main(options: Options) -> None:
    """Converts and prints what came of it."""
    command.convert(FORMAT, options)


if __name__ == "__main__":
    run_command(Options, main, "Write a .pte artefact, check it and describe it in a manifest.")
