"""Shared by bench and profile: options, an undisturbed device, the battery's temperature."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from common.arguments import MODEL
from common.errors import InputError
from edge_apps.android.bundle import Bundle, find_bundle
from edge_apps.android.device import Device
from edge_apps.android.discovery import Description, describe
from edge_apps.android.results import protocol
from edge_apps.android.session import Output, Session
from edge_apps.android.user_runners import check_runner, run_foreign
from edge_apps.manifest import manifest_path, verify
from edge_apps.runtime import load


@dataclasses.dataclass(frozen=True)
class Options:
    """What to time and how."""

    model: Annotated[Path, MODEL]
    """Artifact to time, a .tflite or a .pte."""
    runner: Path | None = None
    """A runner of yours, built with the NDK, instead of ours: a benchmark_model for .tflite, an
    executor_runner for .pte."""
    bundle: Path | None = None
    """Folder of our runner, built elsewhere; by default where build.sh puts it."""
    threads: int = 1
    """Threads that the network may use on the device."""
    warm_up: int = 10
    """Runs that are not counted."""
    repetitions: int = 50
    """Timed runs."""
    timeout: float = 600.0
    """Seconds that all of it may take."""
    keep: bool = False
    """Leave runner and model on the device for the next time."""


class Stay:
    """A device on which a network is being timed.

    Args:
        options: what to time.
        device: where.

    Raises:
        InputError: for wrong input, before anything is copied.
        DeviceError: if the device fails.
    """

    def __init__(self, options: Options, device: Device) -> None:
        for name, value, least in (
            ("threads", options.threads, 1),
            ("warm-up", options.warm_up, 0),
            ("repetitions", options.repetitions, 1),
        ):
            if value < least:
                raise InputError(f"--{name} is {value}, expected at least {least}")
        self.options = options
        self.size = _size(options.model)
        self.about: Description = describe(device)
        self.session = Session(device, keep=options.keep)
        self.bundle: Bundle | None = None
        if options.runner is None:
            self.bundle = find_bundle(self.about.abis, options.model.suffix, options.bundle)
        else:
            check_runner(options.runner, options.model, self.about.abis)
        self.heat: dict[str, float | None] = {"before": None, "after": None}

    @contextlib.contextmanager
    def measuring(self) -> Iterator[Session]:
        """Take the battery's temperature before and after; leave the device as it was found."""
        device = self.session.device
        self.session.begin()
        self.heat["before"] = battery_celsius(device)
        try:
            yield self.session
            self.heat["after"] = battery_celsius(device)
        finally:
            self.session.clean()

    def run(self, session: Session, *, profile: bool = False) -> Output:
        """Run our runner on noise: the network does the same work whatever it sees."""
        options = self.options
        assert self.bundle is not None
        session.install_bundle(self.bundle)
        noise = np.random.default_rng(0).bytes(self.size * self.size * 3)
        model = f"model{options.model.suffix}"
        session.install({model: options.model, "photos/noise": noise})
        return session.run(
            model,
            ["noise"],
            threads=options.threads,
            warm_up=options.warm_up,
            repetitions=options.repetitions,
            seconds=options.timeout,
            profile=profile,
        )

    def run_given(self, session: Session, runner: Path, *, profile: bool = False) -> str:
        """Run a user's own program; return all that it says."""
        options = self.options
        return run_foreign(
            session,
            runner,
            options.model,
            threads=options.threads,
            warm_up=options.warm_up,
            repetitions=options.repetitions,
            seconds=options.timeout,
            profile=profile,
        )

    def result(self, figures: dict[str, Any]) -> dict[str, Any]:
        """Build a result file's values: the protocol, what was found, the battery's heat in °C."""
        options = self.options
        user = options.runner and f"{options.runner.name}, given by the user"
        more = {
            "runner": self.bundle.runtime if self.bundle else user,
            "threads": options.threads,
            "warm_up": options.warm_up,
            "repetitions": options.repetitions,
        }
        serial = self.session.device.serial
        return {
            "protocol": protocol(options.model, serial, self.about, more),
            **figures,
            "battery_celsius": self.heat,
        }


def _size(model: Path) -> int:
    """Return S of a model; one with a manifest needs no runtime here for that."""
    if manifest_path(model).exists():
        return verify(model).size
    return load(model, threads=1).size


def battery_celsius(device: Device) -> float | None:
    """Read the battery's temperature in °C; None where the device has none."""
    found = re.search(r"temperature: (-?\d+)", device.shell(["dumpsys", "battery"]).output)
    return int(found[1]) / 10 if found else None


def heat_lines(result: dict[str, Any]) -> list[str]:
    """Write the battery's temperatures of a result, for people; nothing where it has none."""
    before, after = (result["battery_celsius"][name] for name in ("before", "after"))
    if before is None or after is None:
        return []
    return [f"battery: {before:.1f} °C before, {after:.1f} °C after"]
