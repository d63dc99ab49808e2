"""Time of artifacts by operation and by torch module.

``samnet bench profile MODEL… [--json OUT] [--plot OUT.png]``

The times are XNNPACK's and LiteRT's own. Several models are run in turn, so that a disturbance of
the machine falls on all of them; the first is what the others are compared with.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from benchmarks.profiling.operation_times import LEAST, Profiler, profile
from benchmarks.shared.timing import WARM_UP, Protocol, pinned
from common.arguments import MODEL
from common.command import Command
from common.errors import InputError
from common.output_paths import check_absent
from edge_apps.manifest import hashes, verify


def open_profiler(path: Path) -> Profiler:
    """Load an artifact to be timed by operation.

    Raises:
        InputError: if it is none, or cannot be timed.
    """
    if path.suffix == ".tflite":
        from benchmarks.profiling.litert import LiteRtProfile

        return LiteRtProfile(path)
    if path.suffix == ".pte":
        from benchmarks.profiling.executorch import ExecuTorchProfile

        return ExecuTorchProfile(path)
    raise InputError(
        f"{path}: suffix is {path.suffix!r}, expected a .tflite or .pte artifact; convert a "
        "checkpoint first by samnet convert tflite or executorch"
    )


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench profile``."""

    models: Annotated[tuple[Path, ...], MODEL]
    """Artifacts (.tflite, .pte); the first one is what the others are compared with."""
    repetitions: int = LEAST
    """Timed runs of each."""
    depth: int = 3
    """Parts of a module's name to group by: 3 is encoder.stages.0, 4 each module in it."""
    top: int = 25
    """Operations to print of each model; the result file holds all."""
    json: Path | None = None
    """Result file to write."""
    limits: bool = False
    """Measure what a core can do at most in products and bytes, and say what bounds each module."""
    overwrite: bool = False
    """Replace files that exist."""


def main(options: Options) -> None:
    """Time the given artifacts by operation and print where the time goes."""
    from benchmarks.profiling import table as profile_table
    from common.result_file import write_result

    _check(options)
    # A .pte's library has to be loaded before anything else that holds ExecuTorch.
    order = sorted(options.models, key=lambda path: path.suffix != ".pte")
    with pinned(1) as cores:
        manifests = {str(path): verify(path) for path in options.models}
        loaded = {str(path): open_profiler(path) for path in order}
        opened = {name: (loaded[name], manifests[name]) for name in manifests}
        profiles, running = profile(opened, repetitions=options.repetitions)
        machine_limits = None
        if options.limits:
            from benchmarks.profiling.machine_limits import measure_machine_limits

            machine_limits = measure_machine_limits()
    used = Protocol(1, options.repetitions, WARM_UP, cores, round(running, 3))
    for found in profiles:
        print(profile_table.operations(found, options.top))
        print()
        print(profile_table.kinds(found))
        print()
    print(profile_table.modules(profiles, options.depth))
    print(profile_table.protocol(used))
    if machine_limits:
        print()
        print("\n\n".join(profile_table.bounds(p, machine_limits, options.depth) for p in profiles))
    if options.json:
        result = {
            "protocol": dataclasses.asdict(used),
            "machine_limits": machine_limits and dataclasses.asdict(machine_limits),
            "profiles": [found.to_dict() for found in profiles],
            "bound_by_module": machine_limits
            and [
                {name: {**dataclasses.asdict(it), "by": it.by} for name, it in found.items()}
                for found in (
                    profile_table.bound_by_module(p, machine_limits, options.depth)
                    for p in profiles
                )
            ],
            "by_module_microseconds": profile_table.by_module(profiles, options.depth),
        }
        write_result(
            options.json,
            "profile",
            result,
            measured=hashes(*options.models),
            threads=1,
            overwrite=options.overwrite,
        )


def _check(options: Options) -> None:
    if not options.models:
        raise InputError("no model given; name .tflite or .pte artifacts to profile")
    if len(set(options.models)) < len(options.models):
        raise InputError("a model is given twice; name each once")
    if options.repetitions < 1 or options.depth < 1:
        raise InputError(
            f"{options.repetitions} repetitions and depth {options.depth}; use at least 1"
        )
    for model in options.models:
        if model.suffix not in (".tflite", ".pte"):
            open_profiler(model)
    if options.json:
        check_absent(options.json, overwrite=options.overwrite)


COMMAND = Command.of(Options, main, "Times artifacts by operation and by torch module.")
