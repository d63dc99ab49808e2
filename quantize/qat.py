"""Quantisation-aware training: the int8 network learns from its own float checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from edge_apps.errors import InputError
from edge_apps.files import sha256
from quantize import recipe
from quantize.calibration import CalibrationSet
from quantize.program import ProgramInfo, QuantizedProgram, save_program
from quantize.ptq import check_input_is_bytes, post_training_quantize
from quantize.training import QuantizationTraining, Schedule
from samnet.checkpoint import Checkpoint, load_checkpoint
from samnet.command import run_command
from samnet.data.layouts import Pair, find_pairs
from samnet.data.packed import pack
from samnet.data.split import holdout
from samnet.evaluate import evaluate, predicted_maps
from samnet.metrics import PROTOCOL, Scores
from samnet.predictor import Predictor, load_predictor

OBSERVER = "moving_average"


@dataclasses.dataclass
class Options:
    model: Path
    """The float checkpoint to start from, a .safetensors file."""
    data: str
    """Training set as [NAME=]FOLDER."""
    output: Path
    """The quantised program to write, a .pt2 file."""
    epochs: int = 3
    """How many; after each the int8 network is converted and validated, the best is kept."""
    photos: int | None = 2000
    """Photos in an epoch, drawn anew for each; all of the training set if None."""
    batch: int = 8
    """Photos in a step."""
    learning_rate: float = 2e-5
    """Of Adam at the start; it falls to zero with a power of 0.9."""
    distillation: float = 1.0
    """Weight of the float network's maps as targets, beside the masks."""
    freeze: float = 0.5
    """Share of the training after which activation ranges stay as they are."""
    size: int | None = None
    """Input height and width in pixels; the checkpoint's own if not given."""
    held_out: int = 500
    """Pairs kept from training; with the number given to samnet.train they are the same ones."""
    validation: int = 100
    """How many of them are used to validate."""
    calibration: int = 128
    """Training photos on which the first activation ranges are observed."""
    seed: int = 0
    """Of everything random."""
    cache: Path = Path("runs/cache")
    """Folder for photos at the network's size."""
    overwrite: bool = False
    """Replace the output if it exists."""


def train(options: Options) -> tuple[QuantizedProgram, dict[str, Scores]]:
    """Trains, validates the converted network after each epoch and keeps the best.

    Returns:
        The program, and the scores of ``fp32``, ``PTQ`` and ``QAT`` on the same held-out pairs.

    Raises:
        InputError: if the checkpoint or the data cannot be used.
    """
    checkpoint = load_checkpoint(options.model)
    check_input_is_bytes(checkpoint.preprocessing)
    size = options.size or checkpoint.preprocessing.size
    pairs, held_out = holdout(find_pairs(options.data).pairs, options.held_out)
    validation = held_out[: options.validation]
    packed = pack(pairs, size, options.cache)
    generator = torch.Generator().manual_seed(options.seed)
    chosen = torch.randperm(len(packed), generator=generator)[: options.calibration]
    calibration = CalibrationSet(packed.photos[chosen].numpy(), options.seed)

    source = sha256(options.model)
    float_predictor = load_predictor(options.model, size=size)
    ptq = post_training_quantize(checkpoint, calibration, source_sha256=source)
    scores = {"fp32": _score(validation, float_predictor), "PTQ": _score(validation, ptq)}
    for name, value in scores.items():
        print(row(name, value), flush=True)

    schedule = Schedule(
        epochs=options.epochs,
        photos=options.photos,
        batch=options.batch,
        learning_rate=options.learning_rate,
        distillation=options.distillation,
        freeze=options.freeze,
        seed=options.seed,
    )
    training = QuantizationTraining(checkpoint, packed, schedule)
    training.observe(torch.from_numpy(calibration.photos))
    best: QuantizedProgram | None = None
    history: list[dict[str, Any]] = []
    for epoch in range(options.epochs):
        loss = training.epoch(epoch)
        info = _info(checkpoint, size, calibration, source)
        program = QuantizedProgram(training.student.exported(), info)
        found = _score(validation, program)
        print(row(f"QAT, epoch {epoch + 1}, loss {loss:.4f}", found), flush=True)
        history.append({"loss": loss, "max_F": found.max_F, "MAE": found.MAE})
        if best is None or found.max_F > scores["QAT"].max_F:
            best, scores["QAT"] = program, found
    assert best is not None
    summary = {
        **dataclasses.asdict(schedule),
        "validation": len(validation),
        "scores": {name: {"max_F": s.max_F, "MAE": s.MAE} for name, s in scores.items()},
        "history": history,
    }
    best.info = dataclasses.replace(best.info, training=summary)
    return best, scores


def _info(
    checkpoint: Checkpoint, size: int, calibration: CalibrationSet, source: str
) -> ProgramInfo:
    return ProgramInfo(
        config=checkpoint.model.config,
        preprocessing=dataclasses.replace(checkpoint.preprocessing, size=size),
        size=size,
        method="qat",
        recipe=recipe.NAME,
        observer=OBSERVER,
        calibration=calibration.describe(),
        source_sha256=source,
    )


def _score(pairs: Sequence[Pair], predict: Predictor) -> Scores:
    return evaluate(pairs, predicted_maps(predict, None, overwrite=False), "fast")


def row(name: str, scores: Scores) -> str:
    """One line of the table."""
    return f"{name:<28} max F {scores.max_F:.4f}  MAE {scores.MAE:.4f}"


def main(options: Options) -> None:
    """Trains, writes the program and prints fp32, PTQ and QAT."""
    if options.output.exists() and not options.overwrite:
        raise InputError(f"{options.output}: already exists; pass --overwrite")
    program, scores = train(options)
    save_program(options.output, program, overwrite=options.overwrite)
    print(f"{options.output}: on {options.validation} held-out photos")
    for name, value in scores.items():
        print(row(name, value))
    print(PROTOCOL)


if __name__ == "__main__":
    run_command(Options, main, "Trains an int8 network from its float checkpoint.")
