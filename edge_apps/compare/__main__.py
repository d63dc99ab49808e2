"""``samnet compare PHOTO…``: the same photos in every place that can run networks."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from common.arguments import POSITIONAL
from common.command import Command
from common.errors import InputError
from common.images.photo_files import find_photos
from common.images.photos import read_map, read_photo
from common.output_paths import check_absent
from common.result_file import write_result
from edge_apps.compare.adb_device import AdbDevice
from edge_apps.compare.backends import Backend, Cpu, Gpu
from edge_apps.compare.comparison import Photo, compare, protocol, strangers
from edge_apps.compare.comparison_table import legend, lines
from edge_apps.compare.emulated_arm64 import PROCESSORS, Emulated
from edge_apps.manifest import hashes
from edge_apps.shipped import FOLDER

Skipped = Literal["gpu", "emulated", "device"]


@dataclasses.dataclass(frozen=True)
class Options:
    """What to compare, and where."""

    photos: Annotated[tuple[Path, ...], POSITIONAL]
    """Photos, or folders of photos."""
    model: tuple[Path, ...] = ()
    """Artifacts to run, the reference first; by default the shipped ones."""
    masks: Path | None = None
    """Folder of masks by the photos' stems."""
    threads: int = 1
    """Threads that a network may use."""
    userland: Path | None = None
    """Folder of tools/userland.sh, for the emulated arm64; the cached one by default."""
    processor: tuple[str, ...] = PROCESSORS
    """Processors that qemu plays."""
    serial: str | None = None
    """Serial number of the device, or HOST:PORT; needed if there are several."""
    skip: tuple[Skipped, ...] = ()
    """Places not to look for."""
    json: Path | None = None
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def main(options: Options) -> None:
    """Compare, print the table and write the result file.

    Raises:
        InputError: for wrong input.
    """
    if options.json is not None:
        check_absent(options.json, overwrite=options.overwrite)
    if options.threads < 1:
        raise InputError(f"--threads is {options.threads}, expected at least 1")
    models = options.model or _shipped()
    photos = _photos(options.photos, options.masks)
    backends: list[Backend] = [Cpu(options.threads)]
    if "gpu" not in options.skip:
        backends.append(Gpu())
    if "emulated" not in options.skip:
        backends += [Emulated(it, options.userland) for it in options.processor]
    if "device" not in options.skip:
        backends.append(AdbDevice(options.serial, options.threads))
    rows = compare(models, backends, photos, lambda text: print(f"{text} …", file=sys.stderr))
    print("\n".join(lines(rows)))
    print(legend(models[0].name, len(photos)))
    for name in strangers(models):
        print(f"{name} comes from another checkpoint than {models[0].name}.")
    if options.json is not None:
        result = {
            "protocol": protocol(models, photos, options.threads),
            "rows": [dataclasses.asdict(row) for row in rows],
        }
        write_result(
            options.json,
            "agreement",
            result,
            measured=hashes(*models),
            threads=options.threads,
            overwrite=options.overwrite,
        )


def _shipped() -> list[Path]:
    """Return the shipped artifacts, float first, as the reference of the others."""
    found = [path for path in FOLDER.iterdir() if path.suffix in (".tflite", ".pte")]
    return sorted(found, key=lambda path: ("fp32" not in path.name, path.suffix != ".tflite"))


def _photos(paths: Sequence[Path], masks: Path | None) -> list[Photo]:
    found = find_photos(paths)
    if masks is None:
        return [Photo(path.name, read_photo(path)) for path in found]
    if not masks.is_dir():
        raise InputError(f"{masks}: no such folder; give one with a mask for every photo")
    photos = []
    for path in found:
        named = sorted(it for it in masks.iterdir() if it.stem == path.stem and it.is_file())
        if not named:
            raise InputError(f"{path}: no mask {path.stem}.* in {masks}")
        photo, mask = read_photo(path), read_map(named[0])
        if mask.shape != photo.shape[:2]:
            raise InputError(f"{named[0]}: mask is {mask.shape}, its photo {photo.shape[:2]}")
        photos.append(Photo(path.name, photo, mask))
    return photos


COMMAND = Command.of(
    Options,
    main,
    "Runs the same photos on this CPU, a GPU, an emulated arm64 and a device behind adb, and puts "
    "agreement, accuracy and latency into one table. Places that are not there are rows that say "
    "why.",
)

if __name__ == "__main__":
    COMMAND.run()
