"""``samnet bench steadiness SEQUENCE… [--json OUT]``: flicker with and without --steady.

A sequence is a video, a folder of frames, or FRAMES:MASKS; two folders with a subfolder for each
sequence stand for all of them. With masks, max F and MAE over all frames are measured as well.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from benchmarks.steadiness.flicker import PROTOCOL, FlickerMeter
from benchmarks.steadiness.sequences import Sequence, open_sequences
from common.arguments import POSITIONAL
from common.command import Command
from common.errors import InputError
from common.map_accuracy import AccuracyMeter
from common.output_paths import check_absent
from common.progress import progress
from edge_apps.maps.refinement import refinement_of
from edge_apps.maps.steadiness import Steadiness, SteadyFilter
from edge_apps.runtime import Segmenter, load
from edge_apps.shipped import default_model

WAYS = ("plain", "steady")
"""Each frame by itself, and with the filter."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to measure."""

    sequences: Annotated[tuple[str, ...], POSITIONAL]
    """Videos, folders of frames, FRAMES:MASKS, or two folders of such folders."""

    model: Path = dataclasses.field(default_factory=default_model)
    """Artifact to run; the shipped int8 one by default."""

    chosen_on: tuple[str, ...] = ()
    """Names of sequences that the filter's settings were chosen on; summed up by themselves."""

    limit: int | None = None
    """Take the first so many frames of each sequence."""

    refine: bool = True
    """Measure maps that follow the photos' edges; otherwise enlarged ones."""

    steadiness: tuple[float, float, float, float, float] = dataclasses.astuple(Steadiness())
    """Settings of the filter: frames, still, moved, cut and bound."""

    threads: int = 1
    """Threads that the network may use."""

    json: Path | None = None
    """Result file to write."""

    overwrite: bool = False
    """Replace the result file if it exists."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """One sequence.

    Args:
        row: for the result file.
        meters: of the frames with masks, by way.
        seconds: that the filter took, frame by frame.
    """

    row: dict[str, Any]
    meters: dict[str, AccuracyMeter]
    seconds: list[float]


def main(options: Options) -> None:
    """Measure, print a line a sequence and write the result file.

    Raises:
        InputError: for wrong input; nothing is written then.
    """
    from common.result_file import write_result
    from edge_apps.manifest import hashes

    if options.limit is not None and options.limit < 2:
        raise InputError(f"--limit is {options.limit}, expected at least 2 frames")
    if options.json:
        check_absent(options.json, overwrite=options.overwrite)
    sequences = [it for given in options.sequences for it in open_sequences(given)]
    if not sequences:
        raise InputError("no sequence given; name videos, folders of frames or FRAMES:MASKS")
    names = [sequence.name for sequence in sequences]
    if len(set(names)) < len(names):
        raise InputError(f"sequences {', '.join(names)}; expected each of its own name")
    if unknown := sorted(set(options.chosen_on) - set(names)):
        raise InputError(f"--chosen-on names {', '.join(unknown)}, which is no sequence given")
    segmenter = load(options.model, threads=options.threads)
    measured = []
    for sequence in sequences:
        measured.append(measure(sequence, segmenter, options))
        print(describe(measured[-1].row), flush=True)
    groups = {"all": measured}
    if options.chosen_on:
        groups["chosen on"] = [it for it in measured if it.row["name"] in options.chosen_on]
        groups["others"] = [it for it in measured if it.row["name"] not in options.chosen_on]
    summaries = [summary(name, group) for name, group in groups.items() if group]
    for row in summaries:
        print(describe(row))
    seconds = np.concatenate([it.seconds for it in measured])
    milliseconds = {"median": float(np.median(seconds)), "minimum": float(seconds.min())}
    milliseconds = {key: round(1000 * value, 3) for key, value in milliseconds.items()}
    print(f"the filter takes {milliseconds['median']:.2f} ms a frame in the median")
    if options.json:
        result = {
            "protocol": {
                "flicker": PROTOCOL,
                "accuracy": "max F and MAE as samnet evaluate, over all frames with masks",
                "maps": "refined" if options.refine else "enlarged",
                "limit": options.limit,
                "steadiness": dataclasses.asdict(Steadiness(*options.steadiness)),
                "chosen_on": list(options.chosen_on),
            },
            "model": options.model.name,
            "filter_ms": milliseconds,
            "summaries": summaries,
            "sequences": [it.row for it in measured],
        }
        write_result(
            options.json,
            "steadiness",
            result,
            measured=hashes(options.model),
            threads=options.threads,
            overwrite=options.overwrite,
        )


def measure(sequence: Sequence, segmenter: Segmenter, options: Options) -> Measured:
    """Map a sequence both ways.

    Raises:
        InputError: if it cannot be read.
    """
    refinement = refinement_of(options.refine)
    steady = SteadyFilter(Steadiness(*options.steadiness))
    flicker = FlickerMeter(len(WAYS))
    meters = {way: AccuracyMeter() for way in WAYS}
    seconds: list[float] = []
    moments = itertools.islice(sequence.moments(), options.limit)
    frames = 0
    for photo, mask in progress(moments, options.limit, sequence.name):
        raw = segmenter.look(photo)
        start = time.perf_counter()
        steadied = steady.steady(raw)
        seconds.append(time.perf_counter() - start)
        maps = [it.at(photo, refinement) for it in (raw, steadied)]
        flicker.add(photo, maps)
        frames += 1
        if mask is not None:
            for meter, saliency_map in zip(meters.values(), maps, strict=True):
                meter.add(saliency_map, mask)
    found = dict(zip(WAYS, flicker.flicker(), strict=True))
    return Measured(_row(sequence.name, frames, found, meters), meters, seconds)


def summary(name: str, group: Iterable[Measured]) -> dict[str, Any]:
    """Average the flicker of several sequences; measure the accuracy over all frames."""
    group = list(group)
    meters = {way: AccuracyMeter() for way in WAYS}
    for measured in group:
        for way, meter in measured.meters.items():
            meters[way].include(meter)
    flicker = {way: float(np.mean([it.row["flicker"][way] for it in group])) for way in WAYS}
    frames = sum(it.row["frames"] for it in group)
    return {**_row(name, frames, flicker, meters), "sequences": len(group)}


def describe(row: Mapping[str, Any]) -> str:
    """Write a line for reading."""
    plain, steady = (row["flicker"][way] for way in WAYS)
    text = f"{row['name']}: {row['frames']} frames, flicker {plain:.3f} to {steady:.3f}%"
    if not row["masks"]:
        return text + "; no masks, so no accuracy"
    before, after = (row["accuracy"][way] for way in WAYS)
    return (
        f"{text}; max F {before['max_F']:.4f} to {after['max_F']:.4f}, MAE {before['MAE']:.4f} to "
        f"{after['MAE']:.4f} on {row['masks']} frames with masks"
    )


def _row(
    name: str, frames: int, flicker: Mapping[str, float], meters: Mapping[str, AccuracyMeter]
) -> dict[str, Any]:
    masks = meters[WAYS[0]].count
    accuracy = {}
    for way in WAYS if masks else ():
        found = meters[way].accuracy()
        accuracy[way] = {"max_F": round(found.max_F, 5), "MAE": round(found.MAE, 5)}
    rounded = {way: round(value, 4) for way, value in flicker.items()}
    return {
        "name": name,
        "frames": frames,
        "masks": masks,
        "flicker": rounded,
        "accuracy": accuracy,
    }


COMMAND = Command.of(Options, main, "Measures flicker and accuracy, with and without --steady.")

if __name__ == "__main__":
    COMMAND.run()
