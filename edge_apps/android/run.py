"""Runs photos through a network on an Android device and compares the maps with this machine's."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

from common.arguments import MODEL, POSITIONAL
from common.errors import DeviceError, InputError, SamnetError
from common.images.input_file import name_of
from common.images.photo_files import find_photos
from common.images.photos import Bytes, read_photo, resize_photo, write_image
from common.map_difference import Agreement
from common.output_paths import check_absent, check_targets
from common.progress import progress
from common.result_file import write_json
from edge_apps.android.bundle import Bundle, find_bundle
from edge_apps.android.device import Device
from edge_apps.android.discovery import describe
from edge_apps.android.errors import ConnectionLost
from edge_apps.android.results import Outcome, protocol, summary
from edge_apps.android.retries import persist
from edge_apps.android.session import Session
from edge_apps.runtime import load

RESULT = "android.json"
"""Name of the result file among the maps."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to run and how."""

    model: Annotated[Path, MODEL]
    """Artifact to run, a .tflite or a .pte."""
    photos: Annotated[tuple[Path, ...], POSITIONAL]
    """Photos, or folders of photos."""
    output: Path
    """Folder for the maps and android.json."""
    bundle: Path | None = None
    """Folder of our runner, built elsewhere; by default where build.sh puts it."""
    threads: int = 1
    """Threads that the network may use on the device."""
    batch: int = 8
    """Photos on the device at a time."""
    timeout: float = 300.0
    """Seconds that a batch may take."""
    reconnect: float = 30.0
    """Seconds to wait for a device that went away."""
    keep: bool = False
    """Leave runner and model on the device for the next time."""
    overwrite: bool = False
    """Replace files that exist."""


class Run(NamedTuple):
    """What one frame (S, S, 3) gave: its coded map (M, M) uint8 and the latency in milliseconds."""

    map: Bytes
    latency_ms: float


def run(options: Options, device: Device) -> list[Outcome]:
    """Run the photos on the device and write their maps and the result file.

    The device is left as it was found, whatever happens. What was fetched before a failure stays
    in the output folder, and the result file names the failure.

    Raises:
        InputError: for wrong input, or at the end if some photos could not be read.
        DeviceError: if the device fails.
    """
    targets = plan(options)
    segmenter = load(options.model)
    about = describe(device)
    bundle = find_bundle(about.abis, options.model.suffix, options.bundle)
    session = Session(device, keep=options.keep)
    session.begin()
    outcomes: list[Outcome] = []
    failures: list[str] = []
    patience = options.reconnect
    paths = list(targets)
    starts = range(0, len(paths), options.batch)
    try:
        for start in progress(starts, len(starts), f"batches of {options.batch} photos"):
            photos = _readable(paths[start : start + options.batch], failures)
            size = (segmenter.size, segmenter.size)
            frames = [resize_photo(photo, size) for photo in photos.values()]
            expected = [segmenter.run(frame) for frame in frames]
            side = len(expected[0]) if expected else 0
            work = functools.partial(run_frames, session, bundle, options, frames, side)
            runs = persist(session, work, options.reconnect)
            for path, reference, found in zip(photos, expected, runs, strict=True):
                coding, shape = segmenter.coding, photos[path].shape[:2]
                image = coding.enlarge(found.map, segmenter.size, shape)
                write_image(targets[path], image, overwrite=options.overwrite)
                both = (
                    coding.probabilities(saliency_map) for saliency_map in (found.map, reference)
                )
                agreement = Agreement.of(*both)
                latency = None if about.emulated else found.latency_ms
                outcomes.append(Outcome(path.name, latency, agreement))
    except DeviceError as error:
        failures.append(str(error))
        if isinstance(error, ConnectionLost):
            patience = 0.0  # It was waited for.
    finally:
        _clean(session, patience, failures)
        more = {
            "runner": dataclasses.asdict(bundle) | {"folder": str(bundle.folder)},
            "threads": options.threads,
            "pushed": {"files": session.pushed_files, "bytes": session.pushed_bytes},
        }
        result = {
            "protocol": protocol(options.model, device.serial, about, more),
            "failures": failures,
            "summary": summary(outcomes),
            "photos": [dataclasses.asdict(outcome) for outcome in outcomes],
        }
        write_json(options.output / RESULT, result, overwrite=options.overwrite)
    if failures:
        done = f"{len(outcomes)} of {len(targets)} maps are in {options.output}"
        raise DeviceError("; ".join((*failures, done)))
    return outcomes


def plan(options: Options) -> dict[Path, Path]:
    """Name the map to write for each photo.

    Raises:
        InputError: if numbers make no sense, or as :func:`common.output_paths.check_targets`.
    """
    for name, value in (("threads", options.threads), ("batch", options.batch)):
        if value < 1:
            raise InputError(f"--{name} is {value}, expected at least 1")
    photos = find_photos(options.photos)
    targets = {photo: options.output / f"{name_of(photo)}.png" for photo in photos}
    for photo, target in targets.items():
        if target.resolve() == photo.resolve():
            raise InputError(f"{photo}: would be replaced by its map; choose another --output")
    check_targets(targets.items(), kind="photo", overwrite=options.overwrite)
    check_absent(options.output / RESULT, overwrite=options.overwrite)
    return targets


def _readable(paths: Sequence[Path], failures: list[str]) -> dict[Path, Bytes]:
    """Select the photos that can be read; of the others the reason goes to ``failures``."""
    photos = {}
    for path in paths:
        try:
            photos[path] = read_photo(path)
        except SamnetError as error:
            failures.append(str(error))
    return photos


def run_frames(
    session: Session, bundle: Bundle, options: Options, frames: Sequence[Bytes], side: int
) -> list[Run]:
    """Run frames (S, S, 3) and remove them again, so that the next ones find room.

    Their maps are (side, side).
    """
    if not frames:
        return []
    names = [hashlib.sha256(frame.tobytes()).hexdigest()[:16] for frame in frames]
    contents = dict(zip(names, (frame.tobytes() for frame in frames), strict=True))
    model = f"model{options.model.suffix}"
    session.install_bundle(bundle)
    session.install({model: options.model})
    session.install({f"photos/{name}": content for name, content in contents.items()})
    output = session.run(
        model,
        list(contents),
        threads=options.threads,
        warm_up=1,
        repetitions=1,
        seconds=options.timeout,
    )
    maps = {name: session.pull_map(name, side * side) for name in contents}
    session.discard([f"{folder}/{name}" for name in contents for folder in ("photos", "maps")])
    return [
        Run(
            np.frombuffer(maps[name], np.uint8).reshape(side, side),
            output.latencies[name][0] / 1000,
        )
        for name in names
    ]


def _clean(session: Session, reconnect: float, failures: list[str]) -> None:
    try:
        session.clean(reconnect)
    except DeviceError as error:
        failures.append(str(error))
