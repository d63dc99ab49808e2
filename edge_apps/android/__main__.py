"""``python -m edge_apps.android``: the network on an Android device, through adb."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.cli import Parser, finish
from common.output_paths import check_absent
from edge_apps.android import bench, profile, run
from edge_apps.android.device import Device
from edge_apps.android.discovery import adb_client, choose, describe, list_devices
from edge_apps.android.errors import DeviceError
from edge_apps.android.results import summary, write_result
from edge_apps.android.timing import Options as TimingOptions

PROFILED = 20
"""Runs of a profile, whose figures settle sooner than those of a whole run."""


def main() -> None:
    """Runs the command line.

    Raises:
        InputError: for wrong input or a device that fails.
    """
    parser = Parser(
        prog="python -m edge_apps.android",
        description="Runs an artifact on an Android device through adb, with a runner that "
        "edge_apps/android/native/build.sh builds. Nothing is installed there.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    _add_run(commands.add_parser("run", help="photos to maps, compared with the desktop's"))
    timing = commands.add_parser("bench", help="latency alone, with the battery's temperature")
    _add_timing(timing, _bench, TimingOptions.repetitions)
    timing = commands.add_parser("profile", help="time by operation")
    _add_timing(timing, _profile, PROFILED)
    listing = commands.add_parser("devices", help="which devices there are")
    listing.set_defaults(command=_devices)
    arguments = parser.parse_args()
    arguments.command(arguments)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_run)
    _add_common(parser, run.Options)
    parser.add_argument(
        "photos", nargs="+", type=Path, metavar="PHOTO", help="photos or folders of photos"
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help=f"folder for the maps and {run.RESULT}",
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=run.Options.batch,
        metavar="N",
        help="photos on the device at a time; default: %(default)s",
    )
    parser.add_argument(
        "--reconnect",
        type=_seconds,
        default=run.Options.reconnect,
        metavar="S",
        help="seconds to wait for a device that went away; default: %(default)g",
    )


def _add_timing(
    parser: argparse.ArgumentParser,
    command: Callable[[argparse.Namespace], None],
    repetitions: int,
) -> None:
    parser.set_defaults(command=command)
    _add_common(parser, TimingOptions)
    parser.add_argument(
        "--runner",
        type=Path,
        metavar="FILE",
        help="built with the NDK, instead of our runner: a benchmark_model for .tflite, an "
        "executor_runner for .pte",
    )
    parser.add_argument(
        "--warm-up",
        type=int,
        default=TimingOptions.warm_up,
        metavar="N",
        help="runs that are not counted; default: %(default)s",
    )
    parser.add_argument(
        "--repetitions",
        type=int,
        default=repetitions,
        metavar="N",
        help="runs that are; default: %(default)s",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="result file to write")


def _add_common(
    parser: argparse.ArgumentParser, options: type[run.Options] | type[TimingOptions]
) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="artifact, .tflite or .pte")
    parser.add_argument(
        "--serial", metavar="S", help="of the device, or HOST:PORT; needed if there are several"
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="DIR",
        help="our runner, built elsewhere; default: where build.sh puts it",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=options.threads,
        metavar="N",
        help="that the network may use on the device; default: %(default)s",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=options.timeout,
        metavar="S",
        help="seconds after which the runner is ended; default: %(default)g",
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave runner and model there for the next time"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def _run(arguments: argparse.Namespace) -> None:
    options = run.Options(**_values(arguments, run.Options))
    run.plan(options)
    outcomes = run.run(options, choose(adb_client(), arguments.serial))
    print(summary(outcomes))
    print(f"maps and {run.RESULT} are in {options.output}")


def _bench(arguments: argparse.Namespace) -> None:
    _time(arguments, bench.bench, bench.lines)


def _profile(arguments: argparse.Namespace) -> None:
    _time(arguments, profile.profile, profile.lines)


def _time(
    arguments: argparse.Namespace,
    work: Callable[[TimingOptions, Device], dict[str, Any]],
    lines: Callable[[dict[str, Any]], list[str]],
) -> None:
    options = TimingOptions(**_values(arguments, TimingOptions))
    target: Path | None = arguments.json
    if target is not None:
        check_absent(target, overwrite=arguments.overwrite)
    result = work(options, choose(adb_client(), arguments.serial))
    print("\n".join(lines(result)))
    if target is not None:
        write_result(target, result, overwrite=arguments.overwrite)


def _devices(_: argparse.Namespace) -> None:
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


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text}: expected seconds, more than 0")
    return seconds


def _values(arguments: argparse.Namespace, options: type[Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(options)}
    return {name: value for name, value in vars(arguments).items() if name in names}


if __name__ == "__main__":
    finish(main)
