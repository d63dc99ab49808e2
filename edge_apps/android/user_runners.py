"""Programs that users built for Android: LiteRT's benchmark_model, ExecuTorch's executor_runner."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.errors import DeviceError, InputError
from edge_apps.android.bundle import elf_abi, require_abi
from edge_apps.android.session import ROOT, Session

PROGRAMS = {".tflite": "benchmark_model", ".pte": "executor_runner"}
"""Which program times which format."""

FIGURE = re.compile(r"\b(first|min|max|avg|std|p5|median|p95)=([0-9.eE+]+)")
"""A figure in microseconds in benchmark_model's lines that start with ``count=``."""

ITERATION = re.compile(r"Iteration \d+ of \d+: ([0-9.]+) ms")
EXECUTED = re.compile(r"executed successfully (\d+) time\(s\) in ([0-9.]+) ms")
"""Lines of executor_runner: a run each, which older ones leave out, and all of them together."""


def check_runner(runner: Path, model: Path, abis: Sequence[str]) -> None:
    """Make sure that a program can run on a device and that one for the model's format exists.

    Raises:
        InputError: if not.
    """
    program = PROGRAMS.get(model.suffix)
    if program is None:
        raise InputError(f"{model}: no program times {model.suffix}, give .tflite or .pte")
    if not runner.is_file():
        raise InputError(f"{runner}: no such file; give {_article(program)} built with the NDK")
    require_abi(runner, elf_abi(runner), abis)


def run_foreign(
    session: Session,
    runner: Path,
    model: Path,
    *,
    threads: int,
    warm_up: int,
    repetitions: int,
    seconds: float,
    profile: bool = False,
) -> str:
    """Copy a user's program and a model, run it and return all that it says.

    Raises:
        InputError: if the program cannot profile.
        DeviceError: if the device or the program fails.
    """
    program, name = PROGRAMS[model.suffix], f"model{model.suffix}"
    if profile and program == "executor_runner":
        raise InputError(
            "executor_runner writes an ETDump, which only ExecuTorch's Inspector reads; leave "
            "--runner out: our own runner profiles .pte"
        )
    if program == "benchmark_model":
        arguments = [
            f"--graph={ROOT}/{name}",
            f"--num_threads={threads}",
            f"--warmup_runs={warm_up}",
            f"--num_runs={repetitions}",
            # Otherwise it adds runs until half a second and a second have passed.
            "--warmup_min_secs=0",
            "--min_secs=0",
        ]
        arguments += ["--enable_op_profiling=true"] * profile
    else:
        arguments = [
            f"--model_path={ROOT}/{name}",
            f"--cpu_threads={threads}",
            f"--num_executions={warm_up + repetitions}",
        ]
    session.install({program: runner}, program=True)
    session.install({name: model})
    reply = session.execute([f"{ROOT}/{program}", *arguments], seconds)
    return f"{reply.output}\n{reply.errors}"


def parse_latency(output: str, model: Path, warm_up: int) -> dict[str, float]:
    """Parse the figures in milliseconds that a user's program gave for a model.

    Raises:
        DeviceError: if there is none.
    """
    if model.suffix == ".tflite":
        return parse_benchmark_model(output)
    return parse_executor_runner(output, warm_up)


def parse_benchmark_model(output: str) -> dict[str, float]:
    """Parse the figures of LiteRT's benchmark_model in milliseconds.

    Of its lines ``count=… avg=…`` the last is about the counted runs; those before are the
    warm-up.

    Raises:
        DeviceError: if there is none.
    """
    counted = [line for line in output.splitlines() if "count=" in line and "avg=" in line]
    if not counted:
        raise _mute("`count=… avg=…`", "benchmark_model", output)
    return {name: float(value) / 1000 for name, value in FIGURE.findall(counted[-1])}


def parse_executor_runner(output: str, warm_up: int) -> dict[str, float]:
    """Parse the figures of ExecuTorch's executor_runner in milliseconds.

    Newer ones tell the time of each run, of which the first ``warm_up`` are left out; of older
    ones there is only the average over all of them.

    Raises:
        DeviceError: if there is none.
    """
    runs = [float(value) for value in ITERATION.findall(output)]
    if len(runs) > warm_up:
        return figures(runs[warm_up:])
    whole = EXECUTED.search(output)
    if whole is None or not int(whole[1]):
        raise _mute("`Model executed successfully …`", "executor_runner", output)
    return {"avg": float(whole[2]) / int(whole[1])}


def parse_operations(output: str) -> list[tuple[str, float]]:
    """Parse the operations of benchmark_model's last profile with their mean milliseconds.

    Raises:
        DeviceError: if there is no profile; programs built without profiling print none.
    """
    found: list[tuple[str, float]] = []
    columns: list[str] = []
    for line in output.splitlines():
        cells = [cell.strip() for cell in line.split("\t")]
        if "Run Order" in line:
            found, columns = [], ["?"]
        elif columns and "[node type]" in cells and "[avg ms]" in cells:
            columns = cells
        elif len(columns) > 1 and len(cells) == len(columns):
            values = dict(zip(columns, cells, strict=True))
            found.append((values["[node type]"], float(values["[avg ms]"])))
        else:
            columns = []
    if not found:
        raise _mute("`Run Order` table", "benchmark_model's profile", output)
    return found


def figures(milliseconds: Sequence[float]) -> dict[str, float]:
    """Compute what is told of a series of latencies."""
    taken = np.array(milliseconds)
    return {
        "min": float(taken.min()),
        "median": float(np.median(taken)),
        "p90": float(np.percentile(taken, 90)),
        "p99": float(np.percentile(taken, 99)),
        "max": float(taken.max()),
        "avg": float(taken.mean()),
    }


def _article(program: str) -> str:
    return f"{'an' if program[0] == 'e' else 'a'} {program}"


def _mute(expected: str, program: str, output: str) -> DeviceError:
    said = " ".join(output.split())[-200:] or "nothing"
    return DeviceError(
        f"no {expected} in what the runner said, expected {program}'s; it said: {said}"
    )
