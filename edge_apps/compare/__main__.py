"""``python -m edge_apps.compare PHOTO…``: the same photos in every place that can run networks."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from common.cli import Parser, finish
from common.errors import InputError
from common.images.photo_files import find_photos
from common.images.photos import read_map, read_photo
from common.output_paths import check_absent
from edge_apps.android.results import write_result
from edge_apps.compare.adb_device import AdbDevice
from edge_apps.compare.backends import Cpu, Gpu, Place
from edge_apps.compare.comparison import Photo, compare, protocol, strangers
from edge_apps.compare.comparison_table import legend, lines
from edge_apps.compare.emulated_arm64 import PROCESSORS, Emulated
from edge_apps.shipped import FOLDER

PLACES = ("gpu", "emulated", "device")


def main() -> None:
    """Runs the command line.

    Raises:
        InputError: for wrong input.
    """
    arguments = _parser().parse_args()
    if arguments.json is not None:
        check_absent(arguments.json, overwrite=arguments.overwrite)
    if arguments.threads < 1:
        raise InputError(f"--threads is {arguments.threads}, expected at least 1")
    models = arguments.model or _shipped()
    photos = _photos(arguments.photos, arguments.masks)
    places: list[Place] = [Cpu(arguments.threads)]
    if "gpu" not in arguments.skip:
        places.append(Gpu())
    if "emulated" not in arguments.skip:
        named = arguments.processor or PROCESSORS
        places += [Emulated(processor, arguments.userland) for processor in named]
    if "device" not in arguments.skip:
        places.append(AdbDevice(arguments.serial, arguments.threads))
    rows = compare(models, places, photos, lambda text: print(f"{text} …", file=sys.stderr))
    print("\n".join(lines(rows)))
    print(legend(models[0].name, len(photos)))
    for name in strangers(models):
        print(f"{name} comes from another checkpoint than {models[0].name}.")
    if arguments.json is not None:
        result = {
            "protocol": protocol(models, photos, arguments.threads),
            "rows": [dataclasses.asdict(row) for row in rows],
        }
        write_result(arguments.json, result, overwrite=arguments.overwrite)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m edge_apps.compare",
        description="Runs the same photos on this CPU, a GPU, an emulated arm64 and a device "
        "behind adb, and puts agreement, accuracy and latency into one table. Places that are not "
        "there are rows that say why.",
    )
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="photos or folders")
    parser.add_argument(
        "--model",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="artifacts, the reference first; default: the shipped ones",
    )
    parser.add_argument(
        "--masks", type=Path, metavar="DIR", help="folder of masks by the photos' stems"
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="of each network; default: %(default)s"
    )
    parser.add_argument(
        "--userland",
        type=Path,
        metavar="DIR",
        help="of tools/userland.sh, for the emulated arm64; default: the cached one",
    )
    parser.add_argument(
        "--processor",
        nargs="+",
        metavar="CPU",
        help=f"that qemu plays; default: {' '.join(PROCESSORS)}",
    )
    parser.add_argument("--serial", metavar="S", help="of the device; needed if there are several")
    parser.add_argument(
        "--skip", nargs="+", choices=PLACES, default=(), help="places not to look for"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="result file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace the result file")
    return parser


def _shipped() -> list[Path]:
    """The shipped artifacts, float first, as the reference of the others."""
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


if __name__ == "__main__":
    finish(main)
