"""Folders of ready maps: which map belongs to which photo, and whether they are maps at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from edge_apps.errors import InputError
from edge_apps.photo_files import SUFFIXES
from edge_apps.photos import Bytes, read_map
from samnet.data.layouts import DataSet, Pair

LISTED = 5
"""Files that a message names; the result file names all."""

SAMPLE = 16
"""Maps that are read beforehand to see whether they use the range 0 to 255."""

MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Kinds of pictures, in Pillow's words, that hold 8-bit grey values or fewer."""

TOLERATED_TINT = 16
"""Largest difference of the colours of a pixel that JPEG makes of a grey one."""


@dataclasses.dataclass(frozen=True)
class MapFolder:
    """The maps that a folder holds for a data set.

    Args:
        files: by the stem of their photo.
        missing: stems of the photos without a map.
    """

    files: dict[str, Path]
    missing: tuple[str, ...]

    def read(self, pair: Pair) -> Bytes:
        """The map (H, W) uint8 of a pair that is not missing.

        Raises:
            InputError: if it cannot be read.
        """
        return read_map(self.files[pair.stem])


def find_maps(folder: Path, data: DataSet) -> MapFolder:
    """Finds the maps of a data set as STEM.SUFFIX in a folder or its subfolder of the set's name.

    Sizes and kinds of all, and the range of some, are checked here, before anything is computed.

    Raises:
        InputError: if there is none, two share a stem, one has another size than its mask, or
            they are no 8-bit grey pictures in 0 to 255.
    """
    place = folder / data.name if (folder / data.name).is_dir() else folder
    # Stems of sets with classes are ``class/name``; their maps may stand in folders or in one.
    found = {pair.stem: _find(place, pair.stem) for pair in data.pairs}
    files = {stem: path for stem, path in found.items() if path is not None}
    if not files:
        raise InputError(
            f"{place}: no map for any of the {len(data.pairs)} photos of {data.name}; expected "
            f"files such as {data.pairs[0].stem}.png"
        )
    pairs = [pair for pair in data.pairs if pair.stem in files]
    _check_headers(pairs, files, data)
    _check_range(files, data)
    return MapFolder(files, tuple(stem for stem, path in found.items() if path is None))


def listed(names: Sequence[str]) -> str:
    """The first few of names, and how many more there are."""
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def _find(place: Path, stem: str) -> Path | None:
    found = [
        path
        for base in dict.fromkeys((place / stem, place / Path(stem).name))
        for suffix in sorted(SUFFIXES)
        if (path := base.with_name(base.name + suffix)).is_file()
    ]
    if len(found) > 1:
        raise InputError(f"{found[0]} and {found[1]}: two maps of one photo; remove one")
    return found[0] if found else None


def _check_headers(pairs: Sequence[Pair], files: dict[str, Path], data: DataSet) -> None:
    wrong = []
    for pair in pairs:
        path = files[pair.stem]
        (size, mode), (expected, _) = _header(path), _header(pair.mask)
        if mode not in MODES:
            raise InputError(
                f"{path}: holds values of kind {mode}, expected 8-bit grey from 0 to 255; "
                "convert the maps"
            )
        if size != expected:
            wrong.append(
                f"{path}: map of {size[0]}x{size[1]} pixels, mask of {expected[0]}x{expected[1]}"
            )
    if wrong:
        raise InputError(
            f"{wrong[0]}; {len(wrong)} of the {len(pairs)} maps for {data.name} differ in size "
            "from their masks; resize them to the photos"
        )


def _check_range(files: dict[str, Path], data: DataSet) -> None:
    paths = list(files.values())
    places = np.linspace(0, len(paths) - 1, min(SAMPLE, len(paths)))
    sample = [paths[round(place)] for place in places]
    largest = 0
    for path in sample:
        with Image.open(path) as image:
            if image.mode in ("RGB", "RGBA"):
                colours = np.asarray(image.convert("RGB")).astype(int)
                if np.ptp(colours, axis=-1).max() > TOLERATED_TINT:
                    raise InputError(f"{path}: a colour picture, expected a grey map from 0 to 255")
        largest = max(largest, int(read_map(path).max()))
    # A map may be black; that all of a sample end at one code means values in 0 to 1.
    if largest == 1:
        raise InputError(
            f"{sample[0].parent}: the maps for {data.name} hold values from 0 to 1, expected 0 to "
            "255; multiply them by 255"
        )


def _header(path: Path) -> tuple[tuple[int, int], str]:
    """Width and height of a picture, and Pillow's word for its kind, without decoding it."""
    try:
        with Image.open(path) as image:
            return image.size, image.mode
    except Exception:
        read_map(path)  # says what is wrong with it
        raise
