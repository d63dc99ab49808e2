"""How fast a network is on a device: our runner, or a user's ``benchmark_model``."""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import Path
from typing import Any

import numpy as np

from edge_apps.android.bundle import Bundle, elf_abi, find_bundle, require_abi
from edge_apps.android.device import Device
from edge_apps.android.discovery import describe
from edge_apps.android.errors import DeviceError
from edge_apps.android.results import EMULATED, protocol
from edge_apps.android.session import ROOT, Session
from edge_apps.errors import InputError
from edge_apps.runtime import load

FIGURE = re.compile(r"\b(first|min|max|avg|std|p5|median|p95)=([0-9.eE+]+)")
"""A figure in microseconds in benchmark_model's lines that start with ``count=``."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to time and how.

    Args:
        model: the artefact.
        runner: a benchmark_model built for the device; None for our runner.
        bundle: folder of our runner; None for the one built for the device.
        threads: that the runtime may use.
        warm_up: runs that are not counted.
        repetitions: runs that are.
        timeout: seconds that all of it may take.
        keep: leave runner and model on the device.
    """

    model: Path
    runner: Path | None = None
    bundle: Path | None = None
    threads: int = 1
    warm_up: int = 10
    repetitions: int = 50
    timeout: float = 600.0
    keep: bool = False


def bench(options: Options, device: Device) -> dict[str, Any]:
    """Times a network on a device, which is then left as it was found.

    Returns:
        The protocol, ``latency_ms`` by name of the figure (None on an emulated device) and the
        battery's temperature in °C before and after (None where the device has none).

    Raises:
        InputError: for wrong input.
        DeviceError: if the device fails; a lost connection is not tried again, since a timing that
            was interrupted says nothing.
    """
    for name, value, least in (
        ("threads", options.threads, 1),
        ("warm-up", options.warm_up, 0),
        ("repetitions", options.repetitions, 1),
    ):
        if value < least:
            raise InputError(f"--{name} is {value}, expected at least {least}")
    size = load(options.model, threads=1).size
    about = describe(device)
    session = Session(device, keep=options.keep)
    if options.runner is None:
        bundle = find_bundle(about.abis, options.model.suffix, options.bundle)
        runtime = bundle.runtime
        work = functools.partial(_own, options, session, bundle, size)
    else:
        _check_runner(options.runner, options.model, about.abis)
        runtime = f"{options.runner.name}, given by the user"
        work = functools.partial(_foreign, options, session, options.runner)
    session.begin()
    before = battery_celsius(device)
    try:
        figures = work()
        after = battery_celsius(device)
    finally:
        session.clean()
    more = {
        "runner": runtime,
        "threads": options.threads,
        "warm_up": options.warm_up,
        "repetitions": options.repetitions,
    }
    return {
        "protocol": protocol(options.model, device.serial, about, more),
        "latency_ms": None if about.emulated else figures,
        "battery_celsius": {"before": before, "after": after},
    }


def lines(result: dict[str, Any]) -> list[str]:
    """What :func:`bench` found, for people."""
    figures, heat = result["latency_ms"], result["battery_celsius"]
    if figures is None:
        return [f"ran {result['protocol']['repetitions']} times; {EMULATED}"]
    shown = ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
    told = [f"latency in ms: {shown}"]
    if heat["before"] is not None and heat["after"] is not None:
        told.append(f"battery: {heat['before']:.1f} °C before, {heat['after']:.1f} °C after")
    return told


def battery_celsius(device: Device) -> float | None:
    """The battery's temperature in °C; None where the device has none."""
    found = re.search(r"temperature: (-?\d+)", device.shell(["dumpsys", "battery"]).output)
    return int(found[1]) / 10 if found else None


def parse_benchmark_model(output: str) -> dict[str, float]:
    """The figures of LiteRT's benchmark_model in milliseconds.

    Of its lines ``count=… avg=…`` the last is about the counted runs; those before are the
    warm-up.

    Raises:
        DeviceError: if there is none.
    """
    counted = [line for line in output.splitlines() if "count=" in line and "avg=" in line]
    if not counted:
        raise DeviceError(
            "no line `count=… avg=…` in what the runner said, expected benchmark_model's; "
            f"it said: {' '.join(output.split())[-200:] or 'nothing'}"
        )
    return {name: float(value) / 1000 for name, value in FIGURE.findall(counted[-1])}


def _own(options: Options, session: Session, bundle: Bundle, size: int) -> dict[str, float]:
    session.install_bundle(bundle)
    # The network does the same work whatever it sees.
    noise = np.random.default_rng(0).bytes(size * size * 3)
    model = f"model{options.model.suffix}"
    session.install({model: options.model, "photos/noise": noise})
    found = session.run(
        model,
        ["noise"],
        threads=options.threads,
        warm_up=options.warm_up,
        repetitions=options.repetitions,
        seconds=options.timeout,
    )
    taken = np.array(found["noise"]) / 1000
    return {
        "min": float(taken.min()),
        "median": float(np.median(taken)),
        "p90": float(np.percentile(taken, 90)),
        "p99": float(np.percentile(taken, 99)),
        "max": float(taken.max()),
        "avg": float(taken.mean()),
    }


def _foreign(options: Options, session: Session, runner: Path) -> dict[str, float]:
    model = f"model{options.model.suffix}"
    session.install({"benchmark_model": runner}, program=True)
    session.install({model: options.model})
    words = [
        f"{ROOT}/benchmark_model",
        f"--graph={ROOT}/{model}",
        f"--num_threads={options.threads}",
        f"--warmup_runs={options.warm_up}",
        f"--num_runs={options.repetitions}",
        # Otherwise it adds runs until half a second and a second have passed.
        "--warmup_min_secs=0",
        "--min_secs=0",
    ]
    reply = session.execute(words, options.timeout)
    return parse_benchmark_model(f"{reply.output}\n{reply.errors}")


def _check_runner(runner: Path, model: Path, abis: tuple[str, ...]) -> None:
    if not runner.is_file():
        raise InputError(f"{runner}: no such file; give a benchmark_model built with the NDK")
    if model.suffix != ".tflite":
        raise InputError(f"{model}: benchmark_model takes .tflite only")
    require_abi(runner, elf_abi(runner), abis)
