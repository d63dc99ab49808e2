"""Post-training quantization: a float checkpoint and some photos become an int8 program."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import torch
from torch import nn
from torch.fx import GraphModule

from common.arguments import CALIBRATION, MODEL
from common.command import Command
from common.errors import InputError
from common.files import check_writable, sha256
from common.progress import progress
from quantize.batch_norm_folding import fold_batch_norm
from quantize.bias_correction import correct_biases
from quantize.calibration import CalibrationSet, calibration_set, read_and_keep_back
from quantize.conversion import convert
from quantize.equalization import equalize
from quantize.float_checkpoint import check_input_is_bytes, float_checkpoint
from quantize.module_map import check_modules
from quantize.quantization_specs import Observer
from quantize.quantized_program import ProgramInfo, QuantizedProgram, save_program
from quantize.quantizer import RecipeQuantizer
from quantize.recipes import RECIPES, STATIC_WI8_AI8, Name, Recipe
from quantize.verification import Verification, check, verify
from samnet.checkpoints.checkpoint import Checkpoint
from samnet.evaluation.predictor import load_predictor
from samnet.networks.deployed import DeployedNetwork, deployed_size


@dataclasses.dataclass(frozen=True)
class Correction:
    """Changes to the folded float network that may make rounding its weights cheaper.

    Args:
        equalize: see :mod:`quantize.equalization`.
        biases: see :mod:`quantize.bias_correction`.
    """

    equalize: bool = False
    biases: bool = False

    def __str__(self) -> str:
        chosen = [("equalized", self.equalize), ("biases corrected", self.biases)]
        return ", ".join(name for name, on in chosen if on) or "plain"


def post_training_quantize(
    checkpoint: Checkpoint,
    calibration: CalibrationSet,
    *,
    observer: Observer = "percentile",
    recipe: Recipe = STATIC_WI8_AI8,
    correction: Correction = Correction(),
    stride: int | None = None,
    source_sha256: str = "",
    show_progress: bool = False,
) -> QuantizedProgram:
    """Quantize a network with a recipe.

    Args:
        checkpoint: the float network; it is left as it was.
        calibration: photos at the size at which the network will run.
        observer: how activation ranges are found.
        recipe: which op gets which scheme, and which modules stay in float.
        correction: what is done to the float network first.
        stride: stride of the map; the decoder's own if None.
        source_sha256: SHA-256 of the checkpoint's file.
        show_progress: whether calibration reports its progress on standard error.

    Raises:
        InputError: if the network cannot be quantized, lacks a module that the recipe names, or
            gives values that are not finite.
    """
    size = calibration.photos.shape[1]
    network = corrected(checkpoint, calibration, recipe, correction, stride)
    prepared = prepare(network, size, observer, recipe)
    observe(prepared, checkpoint, calibration, show_progress=show_progress)
    record = calibration.describe()
    if correction != Correction():
        record["correction"] = str(correction)
    info = ProgramInfo(
        config=checkpoint.model.config,
        preprocessing=dataclasses.replace(checkpoint.preprocessing, size=size),
        size=size,
        method="ptq",
        recipe=str(recipe),
        observer=observer if recipe.activations else "none",
        calibration=record,
        source_sha256=source_sha256,
        stride=stride or checkpoint.model.config.decoder_stride,
    )
    return QuantizedProgram(convert(prepared, size), info)


def corrected(
    checkpoint: Checkpoint,
    calibration: CalibrationSet,
    recipe: Recipe = STATIC_WI8_AI8,
    correction: Correction = Correction(),
    stride: int | None = None,
) -> nn.Module:
    """Correct the float network for quantization: batch normalization folded, weights corrected.

    Raises:
        InputError: as :func:`post_training_quantize`.
    """
    check_input_is_bytes(checkpoint.preprocessing)
    size = calibration.photos.shape[1]
    network = fold_batch_norm(DeployedNetwork(checkpoint.model, size, stride))
    check_modules(recipe.keep_float, network)
    if correction.equalize:
        equalize(network)
    if correction.biases:
        inputs = calibration.tensors(checkpoint.preprocessing)
        correct_biases(network, inputs, keep_float=recipe.keep_float)
    return network


def prepare(network: nn.Module, size: int, observer: Observer, recipe: Recipe) -> GraphModule:
    """Prepare a folded network as a graph with an observer on everything that gets quantized."""
    from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e

    with torch.no_grad():
        exported = torch.export.export(network, (torch.zeros(1, 3, size, size),))
        quantizer = RecipeQuantizer(observer, recipe=recipe)
        prepared: GraphModule = prepare_pt2e(exported.module(), quantizer)
    return prepared


def observe(
    prepared: GraphModule,
    checkpoint: Checkpoint,
    calibration: CalibrationSet,
    *,
    show_progress: bool = False,
) -> None:
    """Show the calibration photos to the observers of a graph, one by one.

    Raises:
        InputError: if a map has values that are not finite, which no observer sees: its scale is
            fixed.
    """
    inputs: Iterable[torch.Tensor] = calibration.tensors(checkpoint.preprocessing)
    if show_progress:
        inputs = progress(inputs, len(calibration), "calibrating")
    with torch.no_grad():
        for x in inputs:
            saliency_map = prepared(x)
            if not torch.isfinite(saliency_map).all():
                raise InputError("the network gives a map that is not finite on a photo")


def save_verified(
    path: Path,
    program: QuantizedProgram,
    found: Sequence[Verification],
    calibration: CalibrationSet,
    *,
    allow_loss: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a program that kept the float network's map, with how much of it.

    Args:
        path: path of the program.
        program: receives what was found.
        found: what :func:`quantize.verification.verify` found.
        calibration: what the program was calibrated on.
        allow_loss: write a program that lost the map as well.
        overwrite: replace the file if it exists.

    Raises:
        InputError: if it lost the map, or the file cannot be written.
    """
    if not allow_loss:
        check(path, found, calibration)
    record = {**program.info.calibration, "verification": [it.figures() for it in found]}
    program.info = dataclasses.replace(program.info, calibration=record)
    save_program(path, program, overwrite=overwrite)


@dataclasses.dataclass
class Options:
    """Options of ``samnet quantize ptq``."""

    model: Annotated[Path, MODEL]
    """The float checkpoint, a .safetensors file."""
    calibration: Annotated[tuple[Path, ...], CALIBRATION]
    """Photos, or folders of photos, on which activation ranges are observed."""
    output: Path
    """The quantized program to write, a .pt2 file."""
    recipe: Name = STATIC_WI8_AI8.name
    """Which op gets which scheme: int8 or int16 activations, or weights alone."""
    keep_float: tuple[str, ...] = ()
    """Torch modules that stay in float, such as encoder.stages.0.1 decoder.fusions.0."""
    count: int = 128
    """How many inputs to observe; fewer photos than that are filled up with crops of them."""
    size: int | None = None
    """Input height and width in pixels; the checkpoint's own if not given."""
    output_stride: int | None = None
    """Stride of the map that comes out: that of the decoder by default, whose logits its user
    enlarges, or a smaller one, such as 1, for users who cannot."""
    observer: Observer = "percentile"
    """How activation ranges are found."""
    equalize: bool = False
    """Balance the weights of each depthwise convolution with those of its pointwise one."""
    correct_bias: bool = False
    """Take out of every bias what rounding the weights adds to it on average."""
    seed: int = 0
    """Seed of the choice of photos and crops."""
    overwrite: bool = False
    """Replace the output if it exists."""
    allow_loss: bool = False
    """Write the program even if it lost the float network's map."""


def main(options: Options) -> None:
    """Quantize a checkpoint and write the program."""
    check_writable(options.output, overwrite=options.overwrite)
    checkpoint = float_checkpoint(options.model)
    recipe = RECIPES[options.recipe].keeping(options.keep_float)
    size = deployed_size(options.size, checkpoint.preprocessing)
    photos, kept_back = read_and_keep_back(options.calibration, options.count, size)
    calibration = calibration_set(photos, options.count, size, seed=options.seed)
    if not options.allow_loss:
        calibration.check_colors(", or pass --allow-loss")
    program = post_training_quantize(
        checkpoint,
        calibration,
        observer=options.observer,
        recipe=recipe,
        correction=Correction(options.equalize, options.correct_bias),
        stride=options.output_stride,
        source_sha256=sha256(options.model),
        show_progress=True,
    )
    found = verify(program, load_predictor(options.model, size=size), size, kept_back)
    save_verified(
        options.output,
        program,
        found,
        calibration,
        allow_loss=options.allow_loss,
        overwrite=options.overwrite,
    )
    print(f"{options.output}: {recipe}, calibrated on {len(calibration)} photos")
    for it in found:
        print(f"  {it}")


COMMAND = Command.of(Options, main, "Quantizes a float checkpoint with photos.")

if __name__ == "__main__":
    COMMAND.run()
