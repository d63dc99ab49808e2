"""Quantization-aware training: ``samnet quantize qat --model CKPT --data DIR --output runs/q``.

The int8 network learns from its own float checkpoint. The run's folder receives ``best.pt2`` (the
program with the best held-out max F − MAE), ``state.pt`` (all that resuming needs), ``log.jsonl``,
``run.json`` (options, versions) and ``result.json`` (scores of fp32, PTQ and QAT).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch

from common.arguments import MODEL, Argument
from common.command import Command
from common.errors import CheckFailedError
from common.files import check_writable, sha256
from common.images.photos import read_photo
from common.result_file import environment, write_json
from quantize.calibration import KEPT_BACK, CalibrationSet
from quantize.float_checkpoint import check_input_is_bytes, float_checkpoint
from quantize.ptq import post_training_quantize
from quantize.qat_schedule import QatSchedule
from quantize.qat_trainer import QuantizationTraining
from quantize.quantized_program import ProgramInfo, QuantizedProgram, save_program
from quantize.recipes import STATIC_WI8_AI8
from quantize.run_folder import Run
from quantize.verification import Verification, check, verify
from samnet.data.layouts import Pair
from samnet.data.packed import pack
from samnet.data.split import holdout
from samnet.data.survey import open_data
from samnet.evaluate import evaluate, predicted_maps
from samnet.evaluation.metrics import PROTOCOL
from samnet.evaluation.predictor import Predictor, load_predictor
from samnet.networks.deployed import deployed_size

OBSERVER = "moving_average"

Row = dict[str, float]
"""``max_F`` and ``MAE`` on the held-out pairs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(QatSchedule):
    """A run: what it starts from, what it learns on, and the schedule."""

    model: Annotated[Path, MODEL]
    """The float checkpoint to start from, a .safetensors file."""
    data: str
    """Training set as [NAME=]FOLDER."""
    output: Path
    """Folder of the run; best.pt2 in it is the quantized program."""
    resume: bool = False
    """Go on with the run in the output folder, from the end of its last epoch."""
    keep_float: tuple[str, ...] = ()
    """Torch modules that stay in float, such as encoder.stages.0.1 decoder.fusions.0."""
    size: int | None = None
    """Input height and width in pixels; the checkpoint's own if not given."""
    held_out: int = 500
    """Pairs kept from training; with the number given to samnet train they are the same ones."""
    validation: int = 100
    """Held-out pairs that are used to validate."""
    count: Annotated[int, Argument(aliases=("calibration",))] = 128
    """Training photos on which the first activation ranges are observed."""
    allow_loss: bool = False
    """Keep a program even if it lost the float network's map."""
    cache: Path = Path("runs/cache")
    """Folder for photos at the network's size."""


def train(options: Options) -> dict[str, Row]:
    """Train, validate the converted network after each epoch and keep the best.

    Returns:
        The scores of ``fp32``, ``PTQ`` and ``QAT`` on the same held-out pairs.

    Raises:
        InputError: if the checkpoint or the data cannot be used, the folder holds a run, or no
            epoch's program kept the float network's map.
    """
    run = Run(options.output)
    if not options.resume:
        run.check_is_new()
    check_writable(run.best, overwrite=True)
    checkpoint = float_checkpoint(options.model)
    check_input_is_bytes(checkpoint.preprocessing)
    size = deployed_size(options.size, checkpoint.preprocessing)
    recipe = STATIC_WI8_AI8.keeping(options.keep_float)
    data = open_data(options.data)
    pairs, held_out = holdout(data.pairs, options.held_out)
    validation = held_out[: options.validation]
    packed = pack(pairs, size, options.cache)
    generator = torch.Generator().manual_seed(options.seed)
    chosen = torch.randperm(len(packed), generator=generator)[: options.count]
    calibration = CalibrationSet(packed.photos[chosen].numpy(), options.seed)
    if not options.allow_loss:
        calibration.check_colors(", or pass --allow-loss")
    info = ProgramInfo(
        config=checkpoint.model.config,
        preprocessing=dataclasses.replace(checkpoint.preprocessing, size=size),
        size=size,
        method="qat",
        recipe=str(recipe),
        observer=OBSERVER,
        calibration=calibration.describe(),
        source_sha256=sha256(options.model),
        stride=checkpoint.model.config.decoder_stride,
    )
    settings = {
        **{it.name: getattr(options, it.name) for it in dataclasses.fields(QatSchedule)},
        "recipe": info.recipe,
        "size": size,
        "source_sha256": info.source_sha256,
        "calibration": info.calibration,
        "training_pairs": len(pairs),
        "validation_pairs": len(validation),
    }
    before = run.restore(settings) if options.resume else None
    protocol = {
        "options": {k: str(v) for k, v in dataclasses.asdict(options).items()},
        **settings,
        "data": data.name,
        "environment": environment(torch.get_num_threads()),
    }
    write_json(options.output / "run.json", protocol, overwrite=True)

    network = load_predictor(options.model, size=size)
    kept_back = [read_photo(pair.photo) for pair in validation[:KEPT_BACK]]
    training = QuantizationTraining(checkpoint, packed, options, recipe)
    scores: dict[str, Row] = {}
    history: list[dict[str, float]] = []
    verified: list[Verification] = []
    seconds = 0.0
    if before is None:
        ptq = post_training_quantize(
            checkpoint, calibration, recipe=recipe, source_sha256=info.source_sha256
        )
        scores = {"fp32": _score(validation, network), "PTQ": _score(validation, ptq)}
        print(table(scores), flush=True)
        training.observe(torch.from_numpy(calibration.photos))
    else:
        training.restore(before["training"])
        scores, history, seconds = before["scores"], before["history"], before["seconds"]
    for epoch in range(len(history), options.epochs):
        begun = time.monotonic()
        loss = training.epoch(epoch, run.log)
        program = QuantizedProgram(training.exported(), info)
        found = _score(validation, program)
        seconds += time.monotonic() - begun
        history.append({"loss": loss, **found})
        run.log({"step": training.done, "epoch": epoch + 1, **history[-1]})
        print(f"epoch {epoch + 1}: loss {loss:.4f}, {line(found)}", flush=True)
        verified = verify(program, network, size, kept_back)
        for it in verified:
            print(f"  {it}", flush=True)
        lost = any(it.lost for it in verified) and not options.allow_loss
        if not lost and ("QAT" not in scores or merit(found) > merit(scores["QAT"])):
            scores["QAT"] = found
            summary = {
                **settings,
                "scores": scores,
                "history": history,
                "verification": [it.figures() for it in verified],
            }
            program.info = dataclasses.replace(info, training=summary)
            save_program(run.best, program, overwrite=True)
        # Last, so that a run killed before does all of the epoch again.
        state = {"settings": settings, "training": training.state(), "scores": scores}
        run.save({**state, "history": history, "seconds": seconds})
    if "QAT" not in scores:
        check(run.best, verified, calibration)
        raise CheckFailedError(
            f"{run.best}: no epoch kept the map; train again or pass --allow-loss"
        )
    result = {
        "protocol": {"metrics": PROTOCOL, **protocol},
        "scores": scores,
        "history": history,
        "seconds": seconds,
    }
    write_json(options.output / "result.json", result, overwrite=True)
    return scores


def _score(pairs: Sequence[Pair], predict: Predictor) -> Row:
    found = evaluate(pairs, predicted_maps(predict, None, overwrite=False), "fast")
    return {"max_F": found.max_F, "MAE": found.MAE}


def merit(scores: Row) -> float:
    """Compute what the best epoch has most of: max F − MAE."""
    return scores["max_F"] - scores["MAE"]


def line(scores: Row) -> str:
    """Put scores in words."""
    return f"held out: max F {scores['max_F']:.4f}, MAE {scores['MAE']:.4f}"


def table(scores: dict[str, Row]) -> str:
    """Format the scores as aligned text, with their differences from the first row's."""
    first = next(iter(scores.values()))
    lines = [f"{'':<6}{'max F':>9}{'MAE':>9}{'Δ max F':>11}{'Δ MAE':>9}"]
    for name, row in scores.items():
        f, mae = row["max_F"], row["MAE"]
        differences = f"{f - first['max_F']:>+11.4f}{mae - first['MAE']:>+9.4f}"
        lines.append(f"{name:<6}{f:>9.4f}{mae:>9.4f}{differences if row is not first else ''}")
    return "\n".join(lines)


def main(options: Options) -> None:
    """Train and print fp32, PTQ and QAT."""
    scores = train(options)
    print(f"{options.output / 'best.pt2'}: on {options.validation} held-out photos")
    print(table(scores))
    print(PROTOCOL)


COMMAND = Command.of(Options, main, "Trains an int8 network from its float checkpoint.")

if __name__ == "__main__":
    COMMAND.run()
