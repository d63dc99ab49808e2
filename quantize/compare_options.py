"""``samnet quantize compare-options``: measures all observers and corrections of PTQ."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import torch
from torch import Tensor

from common.arguments import CALIBRATION, MODEL, OBSERVERS
from common.command import Command
from common.errors import InputError
from common.files import replacing
from common.images.photos import read_map, read_photo, resize_photo
from common.progress import progress
from common.result_file import write_result
from edge_apps.manifest import hashes
from quantize.calibration import CalibrationSet, calibration_set, normalize, read_photos
from quantize.float_checkpoint import float_checkpoint
from quantize.module_map import units
from quantize.module_simulation import Simulation
from quantize.observer_set import choose, place_observer_sets
from quantize.ptq import Correction, corrected, observe, prepare
from quantize.quality_drop import QualityDrop
from quantize.quantization_specs import Observer
from quantize.recipes import STATIC_WI8_AI8
from samnet.checkpoints.checkpoint import Checkpoint
from samnet.data.layouts import Pair
from samnet.data.survey import open_data
from samnet.evaluation.metrics import PROTOCOL
from samnet.networks.deployed import coding_of_network, deployed_size

MEANING = (
    "Every observer saw the same calibration photos. SNR: power of the float network's "
    "probability over that of the difference from it, over all photos, in dB."
)

CORRECTIONS = tuple(itertools.starmap(Correction, itertools.product((False, True), repeat=2)))


@dataclasses.dataclass
class Options:
    """Options of ``samnet quantize compare-options``."""

    model: Annotated[tuple[Path, ...], MODEL]
    """Float checkpoints, .safetensors files."""
    data: str
    """Pairs to score on, as [NAME=]FOLDER, NAME=PHOTOS:MASKS or NAME=LIST."""
    calibration: Annotated[tuple[Path, ...], CALIBRATION]
    """Photos, or folders of photos, to calibrate on."""
    json: Path
    """Result file to write."""
    observers: Annotated[tuple[Observer, ...], OBSERVERS] = get_args(Observer)
    """Which observers to compare."""
    limit: int | None = 100
    """Use the first so many pairs; all with None."""
    count: int = 128
    """How many inputs to calibrate on."""
    size: int | None = None
    """Input height and width in pixels; the checkpoint's own if not given."""
    seed: int = 0
    """Seed of the choice of calibration photos and crops."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def compare(
    checkpoint: Checkpoint,
    calibration: CalibrationSet,
    pairs: Sequence[Pair],
    observers: Sequence[Observer],
) -> Iterator[dict[str, Any]]:
    """Score the float network, then every correction with every observer, one row each."""
    size = calibration.photos.shape[1]
    inputs = [(_input(pair, size, checkpoint), read_map(pair.mask)) for pair in pairs]
    coding = coding_of_network(checkpoint.model.config)
    reference = QualityDrop(coding, size)
    plain = corrected(checkpoint, calibration)
    with torch.no_grad():
        expected = [plain(x) for x, _ in progress(inputs, len(inputs), "float")]
    for logits, (_, mask) in zip(expected, inputs, strict=True):
        reference.add(logits, logits, mask)
    scores = reference.metrics.scores()
    yield {"correction": None, "observer": None, "max_F": scores.max_F, "MAE": scores.MAE}
    fresh = prepare(plain, size, "minmax", STATIC_WI8_AI8)
    place_observer_sets(fresh, observers)
    for correction in CORRECTIONS:
        network = corrected(checkpoint, calibration, correction=correction)
        # A correction changes nothing but weights and biases.
        graph = copy.deepcopy(fresh)
        graph.load_state_dict(network.state_dict(), strict=False)
        observe(graph, checkpoint, calibration, show_progress=True)
        for observer in observers:
            simulated = Simulation(choose(graph, observer), units(network))
            quality_drop = QualityDrop(coding, size)
            items = progress(inputs, len(inputs), f"{correction}, {observer}")
            for (x, mask), truth in zip(items, expected, strict=True):
                quality_drop.add(simulated.run(x).logits, truth, mask)
            scores, effect = quality_drop.metrics.scores(), quality_drop.effect(reference)
            yield {
                "correction": str(correction),
                "observer": observer,
                "max_F": scores.max_F,
                "MAE": scores.MAE,
                "change_of_max_F": effect.max_F,
                "change_of_MAE": effect.MAE,
                "snr": effect.snr,
            }


def _input(pair: Pair, size: int, checkpoint: Checkpoint) -> Tensor:
    photo = resize_photo(read_photo(pair.photo), (size, size))
    return normalize(photo, checkpoint.preprocessing)


def line(row: dict[str, Any]) -> str:
    """Format a row of the table."""
    name = f"{row['correction']}, {row['observer']}" if row["observer"] else "float"
    snr = f"  {row['snr']:.1f} dB" if row["observer"] else ""
    return f"{name:<44} max F {row['max_F']:.4f}  MAE {row['MAE']:.4f}{snr}"


def main(options: Options) -> None:
    """Measure, print a line each and write the result file.

    Raises:
        InputError: for wrong input; no result file is written then.
    """
    if not options.model or not options.observers:
        raise InputError("nothing to compare; give at least one --model and one --observer")
    data = open_data(options.data)
    pairs = data.pairs[: options.limit]
    photos = read_photos(options.calibration, options.count)
    checkpoints = [float_checkpoint(path) for path in options.model]
    found = []
    with replacing(options.json, overwrite=options.overwrite) as temporary:
        for path, checkpoint in zip(options.model, checkpoints, strict=True):
            size = deployed_size(options.size, checkpoint.preprocessing)
            calibration = calibration_set(photos, options.count, size, seed=options.seed)
            calibration.check_colors()
            print(path, flush=True)
            rows = []
            for row in compare(checkpoint, calibration, pairs, options.observers):
                print(line(row), flush=True)
                rows.append(row)
            entry = {"model": path.name, "size": size}
            found.append({**entry, "calibration": calibration.describe(), "rows": rows})
        result = {
            "protocol": f"{MEANING} {PROTOCOL}",
            "recipe": str(STATIC_WI8_AI8),
            "data": {"name": data.name, "count": len(pairs)},
            "models": found,
        }
        measured = hashes(*options.model)
        write_result(temporary, "ptq_options", result, measured=measured, overwrite=True)
    print(textwrap.fill(f"{MEANING} {PROTOCOL}", 100))


COMMAND = Command.of(
    Options, main, "Compares observers and corrections of post-training quantization."
)

if __name__ == "__main__":
    COMMAND.run()
