"""Post-training quantisation: a float checkpoint and some photos become an int8 program."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch.fx import GraphModule

from edge_apps.errors import InputError
from edge_apps.files import sha256
from edge_apps.photos import Bytes, find_photos, read_photo
from quantize import recipe
from quantize.calibration import CalibrationSet, calibration_set
from quantize.folding import fold_batch_norm
from quantize.program import ProgramInfo, QuantizedProgram, save_program
from samnet.checkpoint import Checkpoint, load_checkpoint
from samnet.command import run_command
from samnet.deployment import DeployedNetwork
from samnet.preprocessing import Preprocessing
from samnet.progress import progress


def post_training_quantize(
    checkpoint: Checkpoint,
    calibration: CalibrationSet,
    *,
    observer: recipe.Observer = "percentile",
    source_sha256: str = "",
    show_progress: bool = False,
) -> QuantizedProgram:
    """Quantises a network with the recipe.

    Args:
        checkpoint: the float network; it is left as it was.
        calibration: photos at the size at which the network will run.
        observer: how activation ranges are found.
        source_sha256: of the checkpoint's file.
        show_progress: whether calibration reports its progress on standard error.

    Raises:
        InputError: if the network cannot be quantised, or gives values that are not finite.
    """
    from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e

    check_input_is_bytes(checkpoint.preprocessing)
    size = calibration.photos.shape[1]
    network = fold_batch_norm(DeployedNetwork(checkpoint.model, size))
    with torch.no_grad():
        exported = torch.export.export(network, network.example())
        prepared = prepare_pt2e(exported.module(), recipe.RecipeQuantizer(observer))
        inputs: Iterable[torch.Tensor] = calibration.tensors(checkpoint.preprocessing)
        if show_progress:
            inputs = progress(inputs, len(calibration), "calibrating")
        for x in inputs:
            prepared(x)
    info = ProgramInfo(
        config=checkpoint.model.config,
        preprocessing=dataclasses.replace(checkpoint.preprocessing, size=size),
        size=size,
        method="ptq",
        recipe=recipe.NAME,
        observer=observer,
        calibration=calibration.describe(),
        source_sha256=source_sha256,
    )
    return QuantizedProgram(convert(prepared, size), info)


def convert(prepared: GraphModule, size: int) -> torch.export.ExportedProgram:
    """Turns observers into quantisation steps and exports the result for batch 1.

    Weights stay float with their quantisation in the graph: litert-torch reads scales there.

    Raises:
        InputError: as :func:`check_ranges`.
    """
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e

    check_ranges(prepared)
    with torch.no_grad():
        converted = convert_pt2e(prepared, fold_quantize=False)
        round_biases(converted)
        return torch.export.export(converted, (torch.zeros(1, 3, size, size),))


def check_ranges(prepared: GraphModule) -> None:
    """Makes sure that every observer saw values, and finite ones.

    Raises:
        InputError: if one did not.
    """
    for name, part in prepared.named_modules():
        low, high = getattr(part, "min_val", None), getattr(part, "max_val", None)
        if low is None or high is None:
            continue
        if not (torch.isfinite(low).all() and torch.isfinite(high).all()):
            raise InputError(
                f"{name}: observed values from {low.min().item()} to {high.max().item()}; the "
                "network gives values that are not finite on the calibration photos"
            )


def round_biases(converted: GraphModule) -> None:
    """Rounds every bias to what the runtimes will make of it.

    They store biases as integers whose step is the product of the input's and the weight's
    scale. With that done here, a program computes in torch what its artefacts compute; unrounded
    biases tip one code in a thousand over, which sixty layers later is visible.
    """
    for node in converted.graph.nodes:
        if node.target not in (torch.ops.aten.conv2d.default, torch.ops.aten.linear.default):
            continue
        bias = node.args[2] if len(node.args) > 2 else None
        if bias is None or "quantize" not in str(node.args[1].target):
            continue
        input_scale = node.args[0].args[1]
        weight_scale = operator.attrgetter(node.args[1].args[1].target)(converted)
        step = input_scale * weight_scale.double()
        value = operator.attrgetter(bias.target)(converted)
        value.copy_((value / step).round() * step)


def check_input_is_bytes(preprocessing: Preprocessing) -> None:
    """Makes sure that the recipe's fixed input is this network's.

    Raises:
        InputError: if a byte b does not become (b - 128) / 64.
    """
    scale = 1 / (255 * preprocessing.std)
    offset = preprocessing.mean / preprocessing.std
    if abs(scale - recipe.INPUT_SCALE) > 1e-6 or abs(offset - 128 * scale) > 1e-4:
        raise InputError(
            f"the network wants photos with mean {preprocessing.mean:.4f} and std "
            f"{preprocessing.std:.4f}, the recipe needs 128/255 and 64/255; train it with those"
        )


def read_photos(paths: Sequence[str | Path], count: int) -> list[Bytes]:
    """At most ``count`` photos of the given files and folders, evenly spread over them.

    Raises:
        InputError: if there is none, or one cannot be read.
    """
    found = find_photos(paths)
    step = max(1, len(found) / max(1, count))
    chosen = [found[int(i * step)] for i in range(min(count, len(found)))]
    return [read_photo(path) for path in chosen]


@dataclasses.dataclass
class Options:
    model: Path
    """The float checkpoint, a .safetensors file."""
    photos: tuple[Path, ...]
    """Photos, or folders of photos, on which activation ranges are observed."""
    output: Path
    """The quantised program to write, a .pt2 file."""
    count: int = 128
    """How many inputs to observe; fewer photos than that are filled up with crops of them."""
    size: int | None = None
    """Input height and width in pixels; the checkpoint's own if not given."""
    observer: recipe.Observer = "percentile"
    """How activation ranges are found."""
    seed: int = 0
    """Of the choice of photos and crops."""
    overwrite: bool = False
    """Replace the output if it exists."""


def main(options: Options) -> None:
    """Quantises a checkpoint and writes the program."""
    if options.output.exists() and not options.overwrite:
        raise InputError(f"{options.output}: already exists; pass --overwrite")
    checkpoint = load_checkpoint(options.model)
    calibration = calibration_set(
        read_photos(options.photos, options.count),
        options.count,
        options.size or checkpoint.preprocessing.size,
        seed=options.seed,
    )
    program = post_training_quantize(
        checkpoint,
        calibration,
        observer=options.observer,
        source_sha256=sha256(options.model),
        show_progress=True,
    )
    save_program(options.output, program, overwrite=options.overwrite)
    print(f"{options.output}: int8, {recipe.NAME}, calibrated on {len(calibration)} photos")


if __name__ == "__main__":
    run_command(Options, main, "Quantises a float checkpoint to int8 with photos.")
