"""Writes ``.tflite`` artifacts: ``samnet convert tflite``."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

from common.arguments import Argument
from common.command import Command
from common.errors import InputError
from common.images.photos import Bytes, resize_photo
from convert.artifact import cli
from convert.artifact.write import embedded, write_artifact
from convert.checks.context import Context, Figures
from convert.checks.maps import LIMITS
from convert.contract.engine import Content, Format, interfaces
from convert.contract.forms import Form
from convert.contract.source import Source
from convert.graphs.tflite import tflite_graph
from convert.tflite.interface import INT8_INPUT, Tensors, with_interface
from convert.tflite.metadata import Description, with_metadata
from edge_apps.backends.tflite import open_tflite

if TYPE_CHECKING:
    from quantize.quantized_program import QuantizedProgram
    from samnet.networks.deployed import DeployedNetwork

_LITERT = ("litert-torch", "litert-converter", "ai-edge-litert", "ai-edge-quantizer")


def _make(source: Source, form: Form, tensors: Tensors) -> Content:
    from convert.tflite.delegation import delegation

    file = with_metadata(_convert(source, form, tensors), _describe(source, form, tensors))
    saliency_map = (1, source.map_size, source.map_size, 1)
    return Content(file, *interfaces(source, tensors, saliency_map), delegation(file))


def _convert(source: Source, form: Form, tensors: Tensors) -> bytes:
    from convert.tflite import litert, onnx2tf
    from convert.tflite.weight_quantization import dynamic_weights, half_weights

    if source.is_program:
        program = cast("QuantizedProgram", source.network)
        convert = litert.convert_int8 if form.precision == "int8" else litert.convert_int16x8
        return convert(program, tensors)
    network = cast("DeployedNetwork", source.network)
    preprocessing = source.preprocessing
    if form.engine == "onnx2tf" and form.precision == "int8":
        content = onnx2tf.bare_int8(network, preprocessing, source.calibration)
        (scale, zero_point), coding = INT8_INPUT, source.coding
        saliency_map = (coding.scale, coding.zero_point)
        return with_interface(content, tensors, (scale, zero_point + 128), saliency_map)
    engine = litert if form.engine == "litert" else onnx2tf
    if form.engine not in source.made:
        source.made[form.engine] = engine.bare_float(network, preprocessing)
    content = source.made[form.engine]
    if form.precision == "fp16":
        content = half_weights(content)
    elif form.precision == "dynamic":
        content = dynamic_weights(content)
    return litert.float_interface(content, preprocessing, tensors)


def _describe(source: Source, form: Form, tensors: Tensors) -> Description:
    return Description(
        name=source.path.stem,
        text=f"salient object detection at {source.size} px, {form.arithmetic}; made by "
        f"{form.engine} from the checkpoint {source.checkpoint_sha256[:12]}",
        size=source.size,
        mean=255 * source.preprocessing.mean,
        std=255 * source.preprocessing.std,
        floats=tensors == "float",
        coding=source.coding,
    )


class Operations:
    """Every operation of a program's file does what the program's does."""

    name = "steps"

    def run(self, context: Context) -> Figures | None:
        """Compare them on the embedded photos; return that on which one departs most."""
        from convert.checks.operations import compare_steps

        program = context.program
        if program is None:
            return None
        side = (program.info.size, program.info.size)
        photos = [resize_photo(photo, side) for _, photo in embedded()]
        found = compare_steps(context.file, program, photos)
        for it in found:
            it.check(allow_lost=context.allow_scales)
        return max(found, key=lambda it: it.largest)


FORMAT = Format(
    suffix=".tflite",
    packages={
        "litert": (*_LITERT, "torch", "torchao"),
        "onnx2tf": ("onnx2tf", "tensorflow", "onnx", "onnxscript", "ai-edge-litert", "torch"),
    },
    limits=dict(LIMITS),
    make=_make,
    open=open_tflite,
    graph=tflite_graph,
    resize="integer",
    checks=(Operations(),),
)


convert_tflite = functools.partial(write_artifact, FORMAT)
"""Writes a ``.tflite``; arguments and errors are those of :func:`write_artifact`."""


@dataclasses.dataclass
class Options(cli.Options):
    """Options of ``samnet convert tflite``."""

    engine: Literal["litert", "onnx2tf"] = "litert"
    """What converts: torch straight to TFLite, or through ONNX and TensorFlow, which quantizes anew
    and is there for comparison."""
    calibration: Annotated[tuple[Path, ...], Argument(aliases=("calibrate",))] = ()
    """With --engine onnx2tf --precision int8: photos or folders that TensorFlow finds its scales
    on."""
    count: int = 128
    """Photos that TensorFlow sees, filled up with crops."""


def main(options: Options) -> None:
    """Convert and print what came of it."""
    wanted = options.engine == "onnx2tf" and options.precision == "int8"
    if wanted != bool(options.calibration):
        raise InputError(
            "--calibration PHOTOS goes with --engine onnx2tf --precision int8, and that with it; "
            "elsewhere samnet quantize ptq calibrates"
        )
    calibration: list[Bytes] = []
    if options.calibration:
        from quantize.calibration import calibration_set, read_photos

        photos = read_photos(options.calibration, options.count)
        # Crops at twice the photos' number stay large enough for any size.
        found = calibration_set(photos, options.count, options.size or 336)
        found.check_colors()
        calibration = list(found.photos)
    cli.convert(FORMAT, options, options.engine, calibration)


COMMAND = Command.of(
    Options, main, "Writes a .tflite artifact, checks it and describes it in a manifest."
)
