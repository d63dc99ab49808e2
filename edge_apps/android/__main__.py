"""``samnet android``: the network on an Android device, through adb."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.command import Command
from common.errors import DeviceError, InputError
from common.output_paths import check_absent
from common.result_file import write_json
from common.subcommands import Entry, Subcommands
from edge_apps.android import bench, profile, run, timing
from edge_apps.android.device import Device
from edge_apps.android.discovery import adb_client, choose, describe, list_devices
from edge_apps.android.results import summary

DESCRIPTION = (
    "Runs an artifact on an Android device through adb, with a runner that "
    "edge_apps/android/native/build.sh builds. Nothing is installed there."
)


@dataclasses.dataclass(frozen=True)
class RunOptions(run.Options):
    """What to run, and on which device."""

    serial: str | None = None
    """Serial number of the device, or HOST:PORT; needed if there are several."""


@dataclasses.dataclass(frozen=True)
class BenchOptions(timing.Options):
    """What to time, on which device, and where the result goes."""

    serial: str | None = None
    """Serial number of the device, or HOST:PORT; needed if there are several."""
    json: Path | None = None
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


@dataclasses.dataclass(frozen=True)
class ProfileOptions(BenchOptions):
    """Likewise, by operation."""

    repetitions: int = 20  # these figures settle sooner than those of a whole run


@dataclasses.dataclass(frozen=True)
class DevicesOptions:
    """None."""


def _run(options: RunOptions) -> None:
    _check_seconds(timeout=options.timeout, reconnect=options.reconnect)
    run.plan(options)
    outcomes = run.run(options, choose(adb_client(), options.serial))
    print(summary(outcomes))
    print(f"maps and {run.RESULT} are in {options.output}")


def _bench(options: BenchOptions) -> None:
    _time(options, bench.bench, bench.lines)


def _profile(options: ProfileOptions) -> None:
    _time(options, profile.profile, profile.lines)


def _time(
    options: BenchOptions,
    work: Callable[[timing.Options, Device], dict[str, Any]],
    lines: Callable[[dict[str, Any]], list[str]],
) -> None:
    _check_seconds(timeout=options.timeout)
    if options.json is not None:
        check_absent(options.json, overwrite=options.overwrite)
    result = work(options, choose(adb_client(), options.serial))
    print("\n".join(lines(result)))
    if options.json is not None:
        write_json(options.json, result, overwrite=options.overwrite)


def _devices(_: DevicesOptions) -> None:
    client = adb_client()
    states = list_devices(client)
    if not states:
        choose(client, None)
    for serial, state in sorted(states.items()):
        if state != "device":
            print(f"{serial}  {state}")
            continue
        try:
            about = describe(choose(client, serial))
        except DeviceError as error:
            print(f"{serial}  {error}")
            continue
        kind = "emulated" if about.emulated else "hardware"
        android = f"Android {about.android}" if about.android else "no Android"
        print(f"{serial}  {about.model or 'unnamed'}  {android}  {','.join(about.abis)}  {kind}")


def _check_seconds(**given: float) -> None:
    for name, seconds in given.items():
        if not 0 < seconds < 1e6:
            raise InputError(f"--{name} is {seconds:g}, expected seconds, more than 0")


RUN = Command.of(RunOptions, _run, "Runs an artifact on photos and compares the maps.")
BENCH = Command.of(BenchOptions, _bench, "Times an artifact, with the battery's temperature.")
PROFILE = Command.of(ProfileOptions, _profile, "Times an artifact by operation.")
DEVICES = Command.of(DevicesOptions, _devices, "Lists the devices that adb sees.")

ENTRIES = tuple(
    Entry(name, "edge_apps.android.__main__", command.description, attribute=name.upper())
    for name, command in {
        "run": RUN,
        "bench": BENCH,
        "profile": PROFILE,
        "devices": DEVICES,
    }.items()
)


def main() -> None:
    """Run the command line."""
    Subcommands("python -m edge_apps.android", DESCRIPTION, ENTRIES).start(sys.argv[1:])


if __name__ == "__main__":
    Subcommands("python -m edge_apps.android", DESCRIPTION, ENTRIES).run(sys.argv[1:])
