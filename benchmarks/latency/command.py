"""Latency of networks in every form, side by side with what users would pick instead.

``samnet bench latency MODEL… [--threads 1 2] [--size 336] [--json OUT]``

A model is a network by name (its weights are the shipped ones, or taught for a minute), a peer by
name (fetched once), or a file. What is named is converted to every form first, which takes some
minutes a network; the files are kept. What cannot be made or run is a row that says why.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal

from benchmarks.latency.case import Precision
from benchmarks.peers.fetch import FOLDER
from benchmarks.shared.timing import WARM_UP, pinned
from benchmarks.shared.timing import Protocol as Protocol
from common.arguments import CACHE, ENGINES, MODEL, PRECISIONS, SIZES
from common.command import Command
from common.errors import InputError
from common.output_paths import check_absent

Engine = Literal[
    "torch",
    "torch-compiled",
    "cuda",
    "cuda-compiled",
    "litert",
    "executorch",
    "onnxruntime",
    "openvino",
]


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench latency``."""

    models: Annotated[tuple[str, ...], MODEL]
    """Networks by name (samnet-edge, mobilenetv2, u2netp, selfie) or files (.safetensors,
    .tflite, .pte, .onnx, .xml); NAME@ENGINE,ENGINE runs one with these engines alone."""
    engines: Annotated[tuple[Engine, ...], ENGINES] = ()
    """Engines that run them; by default all that this machine has."""
    precisions: Annotated[tuple[Precision, ...], PRECISIONS] = ()
    """Precisions of the arithmetic; by default fp32, int8, and bf16 where the CPU has it."""
    threads: tuple[int, ...] = (1,)
    """Threads of a form, and cores it is pinned to; several numbers are several rows."""
    sizes: Annotated[tuple[int, ...], SIZES] = (336,)
    """Heights and widths in pixels at which checkpoints and named networks run."""
    repetitions: int = 25
    """Timed runs of each."""
    folder: Annotated[Path, CACHE] = Path("runs/latency")
    """Folder where converted files are kept for the next time."""
    made: bool = False
    """Convert nothing: leave out forms whose files are not there."""
    peers: Path = FOLDER
    """Where the networks of others are kept."""
    json: Path | None = None
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def main(options: Options) -> None:
    """Make what is missing, time everything in turn and print a table."""
    _check(options)
    from benchmarks.demo.steps import Steps
    from benchmarks.latency import table as latency_table
    from benchmarks.latency.artifact_cache import ArtifactCache, sources
    from benchmarks.latency.cases import CaseList, available, split_engines
    from benchmarks.latency.interleaved import latency_row, time_interleaved
    from common.result_file import environment, write_result
    from edge_apps.manifest import hashes
    from samnet.data.embedded import embedded_photos

    machine = environment(max(options.threads))
    engines, precisions = available(machine["cpu_features"])
    case_list = CaseList(
        engines=options.engines or engines,
        precisions=options.precisions or precisions,
        sizes=options.sizes,
        threads=options.threads,
        artifact_cache=ArtifactCache(
            options.folder, Steps(None, options.folder / "latency.log"), make=not options.made
        ),
        peers=options.peers,
    )

    cases = case_list.cases(options.models)
    there, names = {it.network for it in cases}, [split_engines(it)[0] for it in options.models]
    if absent := [it for it in names if Path(it).stem not in there]:
        print(f"left out, since no form of it is there: {', '.join(absent)}", file=sys.stderr)
    photo = embedded_photos()[0].photo
    timed = time_interleaved(cases, photo, repetitions=options.repetitions)
    rows = [latency_row(it) for it in timed]
    text = latency_table.protocol(options.threads, options.repetitions, WARM_UP, rows)
    if options.json:
        protocol = {
            "repetitions": options.repetitions,
            "warm_up": WARM_UP,
            "threads": options.threads,
            "text": text,
        }
        result = {
            "environment": machine,
            "protocol": protocol,
            "rows": [dataclasses.asdict(row) for row in rows],
        }
        measured = hashes(*sources(names))
        write_result(
            options.json, "latency", result, measured=measured, overwrite=options.overwrite
        )
    latency_table.print_table(rows)
    print(text)
    if all(row.failure for row in rows):
        raise InputError("no form could be timed; the lines above say why")


def _check(options: Options) -> None:
    """Refuse what could only fail after minutes of converting."""
    if not options.models:
        raise InputError("no model given; name networks or files to time")
    if len(set(options.models)) < len(options.models):
        raise InputError("a model is given twice; name each once")
    if options.repetitions < 1 or not options.threads or not options.sizes:
        raise InputError("give at least one repetition, one number of threads and one size")
    if options.json:
        check_absent(options.json, overwrite=options.overwrite)
    for threads in options.threads:
        with pinned(threads):
            pass


COMMAND = Command.of(Options, main, "Times networks in every form, side by side.")
