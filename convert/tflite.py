"""Writes ``.tflite`` artefacts: ``python -m convert.tflite``."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Literal

from convert import command
from convert.artefact import Content, Format, embedded, write_artefact
from convert.parity import FLOAT_LIMIT, INT8_LIMIT
from convert.source import Source
from convert.tflite_graph import tflite_graph
from edge_apps.photos import resize_photo
from edge_apps.tflite_backend import open_tflite
from samnet.command import run_command

if TYPE_CHECKING:
    from quantize.program import QuantizedProgram


def _make(source: Source) -> Content:
    from convert import litert
    from convert.delegation import delegation, interfaces
    from samnet.deployment import DeployedNetwork

    if isinstance(source.network, DeployedNetwork):
        file = litert.convert_float(source.network, source.preprocessing)
    else:
        file = litert.convert_int8(source.network)
    photo, map = interfaces(file)
    return Content(file, photo, map, delegation(file))


def _gates(program: QuantizedProgram, file: bytes, allow_scales: bool) -> dict[str, dict[str, Any]]:
    """Figures of the embedded photo on which an operation departs most from the program's."""
    from convert.stepwise import compare_steps

    side = (program.info.size, program.info.size)
    found = [compare_steps(file, program, resize_photo(photo, side)) for _, photo in embedded()]
    for steps in found:
        steps.check(allow_lost=allow_scales)
    return {"steps": max(found, key=lambda steps: steps.largest).figures()}


FORMAT = Format(
    suffix=".tflite",
    engine="litert-torch",
    packages=("litert-torch", "litert-converter", "ai-edge-litert", "torch", "torchao"),
    limits={"fp32": FLOAT_LIMIT, "int8": INT8_LIMIT},
    make=_make,
    open=open_tflite,
    graph=tflite_graph,
    resize="integer",
    gates=_gates,
)


convert_tflite = functools.partial(write_artefact, FORMAT)
"""Writes a ``.tflite``; arguments and errors are those of :func:`write_artefact`."""


@dataclasses.dataclass
class Options(command.Options):
    engine: Literal["litert"] = "litert"
    """What converts."""


def main(options: Options) -> None:
    """Converts and prints what came of it."""
    command.convert(FORMAT, options)


if __name__ == "__main__":
    run_command(Options, main, "Write a .tflite artefact, check it and describe it in a manifest.")
