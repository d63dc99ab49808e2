"""``samnet ablate --data DUTS-TR=DIR --output DIR --json OUT --table IV``: ablations.

Trains the rows of a table of the paper, or of a comparison of recipes, one after the other on an
equal budget and scores each on the held-out pairs. Every row has a folder of its own: finished
rows are taken from there, an interrupted one goes on where it stopped.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from common.arguments import Argument
from common.command import Command
from common.errors import InputError, SamnetError
from common.files import replacing
from common.progress import progress
from common.result_file import write_json, write_result
from samnet.checkpoints.checkpoint import load_checkpoint
from samnet.data.layouts import Pair, find_pairs
from samnet.data.split import holdout
from samnet.data.survey import open_data
from samnet.evaluate import evaluate, predicted_maps
from samnet.evaluation.metrics import PROTOCOL
from samnet.evaluation.predictor import load_predictor
from samnet.networks.cost import PAPER_SIZE, multiply_adds, parameters
from samnet.train import train
from samnet.training import resume_state
from samnet.training.ablation import ABLATIONS, AblationRow, Table, recipe_rows, table_rows
from samnet.training.ablation_table import (
    AblationPaper,
    AblationProtocol,
    AblationScores,
    markdown,
)
from samnet.training.options import TrainOptions, config_of, recipe_of

__all__ = ["Options", "main", "recipe_rows", "run_row"]

INCIDENTAL = ("output", "resume", "remark", "cache", "threads", "validate_every")
"""Options that do not decide what a row's weights become."""


@dataclasses.dataclass(kw_only=True)
class Options(TrainOptions):
    """What to compare, and the options of training that all rows share."""

    output: Path
    """Folder of the rows' runs."""
    json: Path
    """Result file to write."""
    table: Table
    """IV or V of the paper, recipe: modern with one field at a time as in paper, or lite:
    samnet-lite with one choice at a time changed."""
    rows: tuple[str, ...] | None = None
    """Only these, by number or key; others can be run later or elsewhere."""
    overwrite: bool = False
    """Replace the result file if it exists."""
    resume: Annotated[bool, Argument(hidden=True)] = False
    """Rows always go on where they stopped."""


def main(options: Options) -> None:
    """Run the rows that are left, write the result file and print the table.

    Raises:
        InputError: for wrong input, before any training; after the other rows if one failed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("rows are trained by one process each; divide them with --rows instead")
    rows = table_rows(options.table, options, options.rows)
    runs = [row_options(options, row) for row in rows]
    for run in runs:
        known_row(run)
    _, held_out = holdout(open_data(options.data).pairs, options.held_out)
    # Claimed first, so that a long comparison cannot fail at its end.
    with replacing(options.json, overwrite=options.overwrite) as temporary:
        results, failures = [], []
        for row, run in zip(rows, runs, strict=True):
            print(f"row {row.key}: {row.name}", flush=True)
            entry: dict[str, Any] = {}
            try:
                entry |= run_row(run, held_out)
            except SamnetError as error:
                entry["failure"] = str(error)
                failures.append(f"row {row.key}: {error}")
            found = AblationScores(key=row.key, name=row.name, paper=dict(row.paper), **entry)
            results.append(found)
        protocol = AblationProtocol(
            scores=PROTOCOL,
            data=find_pairs(options.data).name,
            held_out=len(held_out),
            multiply_adds_at=PAPER_SIZE,
            weights="last ones of each row, averaged where its recipe averages",
            seed=options.seed,
        )
        source = json.loads(ABLATIONS.read_text(encoding="utf-8"))
        paper = None
        if options.table in ("IV", "V"):
            assumptions = tuple(source["assumptions"])
            paper = AblationPaper(source["source"], source["figures"], assumptions)
        result = {
            "table": options.table,
            "protocol": dataclasses.asdict(protocol),
            "rows": [dataclasses.asdict(row) for row in results],
            "paper": paper and dataclasses.asdict(paper),
        }
        write_result(temporary, "ablation", result, threads=options.threads, overwrite=True)
    print(markdown(results, protocol, paper))
    if failures:
        raise InputError(f"{len(failures)} of {len(rows)} rows failed: {'; '.join(failures)}")


def row_options(options: Options, row: AblationRow) -> TrainOptions:
    """Build the options of a row's training, in a folder of its own."""
    fields = {field.name for field in dataclasses.fields(TrainOptions)}
    values = {name: value for name, value in vars(options).items() if name in fields}
    values |= row.apply(options)
    return TrainOptions(**values | {"output": options.output / f"{options.table}-{row.key}"})


def settings_of(options: TrainOptions) -> dict[str, Any]:
    """Collect all that decides what a row's weights become, as plain JSON values.

    Raises:
        InputError: for options that training would refuse.
    """
    values = {k: v for k, v in dataclasses.asdict(options).items() if k not in INCIDENTAL}
    values["recipe"] = dataclasses.asdict(recipe_of(options))
    values["network"] = config_of(options).to_dict()
    read: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return read


def known_row(options: TrainOptions) -> dict[str, Any]:
    """Read what a row's folder says of it: nothing, its settings, or these and its scores.

    Raises:
        InputError: for options that training would refuse, or if the folder holds a row of others.
    """
    path, settings = options.output / "row.json", settings_of(options)
    if not path.is_file():
        return {}
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if (earlier := known["settings"].pop("hold_out", None)) is not None:
        known["settings"].setdefault("held_out", earlier)
    if known["settings"] != settings:
        differing = [name for name in settings if known["settings"].get(name) != settings[name]]
        raise InputError(
            f"{options.output}: holds a row of another {', '.join(differing)}; choose another "
            "--output"
        )
    return known


def run_row(options: TrainOptions, held_out: Sequence[Pair]) -> dict[str, Any]:
    """Train a row as far as it is not trained yet and score it.

    Returns:
        Its scores, cost and settings.

    Raises:
        InputError: if its folder holds a row of other settings, or training refuses or diverges.
    """
    known = known_row(options)
    if "max_F" in known:
        return known
    path, settings = options.output / "row.json", settings_of(options)
    write_json(path, {"settings": settings}, overwrite=True)
    train(dataclasses.replace(options, resume=(options.output / resume_state.NAME).exists()))
    last = options.output / "last.safetensors"
    checkpoint = load_checkpoint(last)
    source = predicted_maps(load_predictor(last, options.threads), None, overwrite=False)
    scores = evaluate(progress(held_out, len(held_out), "held out"), source, "fast")
    row = {
        "max_F": scores.max_F,
        "MAE": scores.MAE,
        "photos": scores.count,
        "size": checkpoint.preprocessing.size,
        "parameters": parameters(checkpoint.model),
        "multiply_adds": multiply_adds(checkpoint.model),
        "steps": checkpoint.training["steps"],
        "hours": checkpoint.training["hours"],
        "settings": settings,
    }
    write_json(path, row, overwrite=True)
    return row


COMMAND = Command.of(Options, main, "Trains and compares the rows of an ablation.")

if __name__ == "__main__":
    COMMAND.run()
