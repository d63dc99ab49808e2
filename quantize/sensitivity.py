"""``samnet quantize sensitivity``: ranks a network's modules by their loss when quantized."""

from __future__ import annotations

import dataclasses
import textwrap
from pathlib import Path
from typing import Annotated, Any

from common.arguments import CALIBRATION, MODEL
from common.command import Command
from common.errors import InputError
from common.files import replacing
from common.result_file import write_result
from edge_apps.manifest import hashes
from quantize.calibration import CalibrationSet, calibration_set, read_photos
from quantize.float_checkpoint import float_checkpoint
from quantize.module_costs import Cost, costs
from quantize.module_map import units
from quantize.module_ranking import Ranking, measure
from quantize.module_simulation import Simulation
from quantize.ptq import corrected, observe, prepare
from quantize.quantization_specs import Observer
from quantize.recipes import RECIPES, STATIC_WI8_AI8, Name
from samnet.checkpoints.checkpoint import Checkpoint
from samnet.data.survey import open_data
from samnet.evaluation.metrics import PROTOCOL
from samnet.networks.deployed import coding_of_network, deployed_size

MEANING = (
    "Only: this module quantized, all others in float. But: this module in float, all others "
    "quantized. SNR: power of the float network's probability over that of the difference from "
    "it, over all photos, in dB. Delta: change of max F and MAE against the float network. "
    "All with the scales of one calibration. In no row of its own: what joins modules, such as the "
    "decoder's additions."
)
"""Printed under the table."""


@dataclasses.dataclass
class Options:
    """Options of ``samnet quantize sensitivity``."""

    model: Annotated[Path, MODEL]
    """The float checkpoint, a .safetensors file."""
    data: str
    """Pairs to measure on, as [NAME=]FOLDER, NAME=PHOTOS:MASKS or NAME=LIST."""
    calibration: Annotated[tuple[Path, ...], CALIBRATION]
    """Photos, or folders of photos, on which activation ranges are observed."""
    json: Path
    """Result file to write."""
    plot: Path | None = None
    """Ranked bar plot to write, such as a .png."""
    max_drop: float = 0.003
    """How much max F the suggested mixed network may lose against float."""
    recipe: Name = STATIC_WI8_AI8.name
    """Which op gets which scheme."""
    observer: Observer = "percentile"
    """How activation ranges are found."""
    limit: int | None = 100
    """Use the first so many pairs; all with None."""
    count: int = 128
    """How many inputs to calibrate on."""
    size: int | None = None
    """Input height and width in pixels; the checkpoint's own if not given."""
    seed: int = 0
    """Seed of the choice of calibration photos and crops."""
    overwrite: bool = False
    """Replace files that exist."""


def simulation(
    checkpoint: Checkpoint, calibration: CalibrationSet, observer: Observer, name: Name
) -> tuple[Simulation, dict[str, Cost]]:
    """Build a calibrated network whose modules can be switched, and what each of them costs."""
    recipe = RECIPES[name]
    network = corrected(checkpoint, calibration, recipe)
    graph = prepare(network, calibration.photos.shape[1], observer, recipe)
    modules = units(network)
    costly = costs(graph, modules)
    observe(graph, checkpoint, calibration, show_progress=True)
    return Simulation(graph, modules), costly


def table(ranking: Ranking) -> str:
    """Format the modules, that which loses most when quantized first, as aligned text."""
    width = max(len(row.module) for row in ranking.rows)
    lines = [
        f"{'':<{width}}  {'only this one quantized':^30}  {'all but this one':^30}",
        f"{'module':<{width}}" + 2 * f"  {'SNR, dB':>9}{'Δ max F':>10}{'Δ MAE':>11}",
    ]
    for row in ranking.rows:
        cells = (
            f"  {effect.snr:>9.1f}{effect.max_F:>+10.4f}{effect.MAE:>+11.4f}"
            for effect in (row.only, row.but)
        )
        lines.append(f"{row.module:<{width}}{''.join(cells)}")
    whole = ranking.whole
    lines.append(
        f"{'everything quantized':<{width}}  {whole.snr:>9.1f}{whole.max_F:>+10.4f}"
        f"{whole.MAE:>+11.4f}"
    )
    return "\n".join(lines)


def suggestion(ranking: Ranking, costly: dict[str, Cost], max_drop: float) -> dict[str, Any]:
    """Describe what to keep in float, what is then lost and what it costs, as plain values."""
    kept = [costly[module] for module in ranking.kept]
    whole = [*costly.values()]
    return {
        "max_drop": max_drop,
        "keep_float": list(ranking.kept),
        "max_F": ranking.suggested.max_F,
        "MAE": ranking.suggested.MAE,
        "snr": ranking.suggested.snr,
        "multiply_adds_share": sum(c.multiply_adds for c in kept)
        / sum(c.multiply_adds for c in whole),
        "extra_bytes": sum(3 * c.weights for c in kept),
        "int8_bytes": sum(c.weights for c in whole),
    }


def sentence(found: dict[str, Any]) -> str:
    """Put a suggestion in words."""
    if not found["keep_float"]:
        return (
            f"Keep nothing in float: quantized throughout, max F changes by {found['max_F']:+.4f} "
            f"and MAE by {found['MAE']:+.4f}; {found['max_drop']} may be lost."
        )
    return (
        f"For at most {found['max_drop']} of max F: --keep-float {' '.join(found['keep_float'])} "
        f"(max F {found['max_F']:+.4f}, MAE {found['MAE']:+.4f}). That leaves "
        f"{found['multiply_adds_share']:.1%} of the multiply-adds in float and makes weights of "
        f"{found['int8_bytes']:,} bytes {found['extra_bytes']:,} larger."
    )


def main(options: Options) -> None:
    """Measure, print the table and the suggestion, and write the result file and the plot.

    Raises:
        InputError: for wrong input; nothing is written then.
    """
    if options.plot is not None and options.plot.exists() and not options.overwrite:
        raise InputError(f"{options.plot}: already exists; pass --overwrite")
    if options.max_drop < 0 or (options.limit is not None and options.limit < 1):
        raise InputError(
            f"--max-drop {options.max_drop}, --limit {options.limit}; expected a drop from 0 up "
            "and at least one pair"
        )
    checkpoint = float_checkpoint(options.model)
    data = open_data(options.data)
    pairs = data.pairs[: options.limit]
    size = deployed_size(options.size, checkpoint.preprocessing)
    photos = read_photos(options.calibration, options.count)
    calibration = calibration_set(photos, options.count, size, seed=options.seed)
    calibration.check_colors()
    with replacing(options.json, overwrite=options.overwrite) as temporary:
        simulated, costly = simulation(checkpoint, calibration, options.observer, options.recipe)
        coding = coding_of_network(checkpoint.model.config)
        ranking = measure(
            simulated, checkpoint.preprocessing, coding, size, pairs, options.max_drop
        )
        found = suggestion(ranking, costly, options.max_drop)
        result = {
            "protocol": f"{MEANING} {PROTOCOL}",
            "model": options.model.name,
            "size": size,
            "recipe": options.recipe,
            "observer": options.observer,
            "calibration": calibration.describe(),
            "data": {"name": data.name, "count": len(pairs)},
            **ranking.to_dict(),
            "costs": {name: dataclasses.asdict(cost) for name, cost in costly.items()},
            "suggestion": found,
        }
        write_result(
            temporary, "sensitivity", result, measured=hashes(options.model), overwrite=True
        )
        if options.plot is not None:
            from quantize.sensitivity_plot import draw

            title = f"{options.model.stem}, {options.recipe}, {size} px, {len(pairs)} photos"
            draw(ranking, title, options.plot, overwrite=options.overwrite)
    print(table(ranking))
    for note in (MEANING, sentence(found)):
        print(textwrap.fill(note, 100, break_on_hyphens=False))


COMMAND = Command.of(Options, main, "Ranks the modules of a network by what quantizing them loses.")

if __name__ == "__main__":
    COMMAND.run()
