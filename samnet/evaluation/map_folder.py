"""Finds and reads the maps in a folder that belong to a data set's photos."""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.errors import InputError
from common.images.decoding import picture_size
from common.images.levels import DARK
from common.images.photo_files import SUFFIXES
from common.images.photos import Bytes, read_map, read_map_file
from common.input_notice import notice
from samnet.data.layouts import DataSet, Pair

SAMPLE = 16
"""Maps that are read beforehand to see whether they use the range 0 to 255."""


@dataclasses.dataclass(frozen=True)
class MapFolder:
    """The maps that a folder holds for a data set.

    Args:
        files: files by the stem of their photo.
        missing: stems of the photos without a map.
    """

    files: dict[str, Path]
    missing: tuple[str, ...]

    def read(self, pair: Pair) -> Bytes:
        """Read the map (H, W) uint8 of a pair that is not missing.

        Raises:
            InputError: if it cannot be read.
        """
        return read_map(self.files[pair.stem])


def find_maps(folder: Path, data: DataSet) -> MapFolder:
    """Find the maps of a data set as STEM.SUFFIX in a folder or its subfolder of the set's name.

    Sizes of all, and kind and range of some, are checked here, before anything is computed.

    Raises:
        InputError: if there is none, two share a stem, one has another size than its mask, or
            they are no gray pictures that use their range.
    """
    place = folder / data.name if (folder / data.name).is_dir() else folder
    if not place.is_dir():
        raise InputError(f"{place}: no such map folder; give one with a STEM.png for each photo")
    # Stems of sets with classes are ``class/name``; their maps may stand in folders or, if no name
    # is repeated, in one.
    plain = Counter(Path(pair.stem).name for pair in data.pairs)
    found = {
        pair.stem: _find(place, pair.stem, flat=plain[Path(pair.stem).name] == 1)
        for pair in data.pairs
    }
    files = {stem: path for stem, path in found.items() if path is not None}
    if not files:
        raise InputError(
            f"{place}: no map for any of the {len(data.pairs)} photos of {data.name}; expected "
            f"files such as {data.pairs[0].stem}.png"
        )
    pairs = [pair for pair in data.pairs if pair.stem in files]
    _check_sizes(pairs, files, data)
    _check_range(files, data)
    return MapFolder(files, tuple(stem for stem, path in found.items() if path is None))


def _find(place: Path, stem: str, *, flat: bool) -> Path | None:
    names = [unicodedata.normalize(form, stem) for form in ("NFC", "NFD")]
    names += [Path(name).name for name in names] if flat else []
    found = [
        path
        for base in dict.fromkeys(place / name for name in (stem, *names))
        for suffix in sorted(SUFFIXES)
        if (path := base.with_name(base.name + suffix)).is_file()
    ]
    if len(found) > 1:
        raise InputError(f"{found[0]} and {found[1]}: two maps of one photo; remove one")
    return found[0] if found else None


def _check_sizes(pairs: Sequence[Pair], files: dict[str, Path], data: DataSet) -> None:
    wrong = []
    for pair in pairs:
        path = files[pair.stem]
        size, expected = picture_size(path), picture_size(pair.mask)
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
    maps = [read_map_file(path) for path in sample]
    if any(saliency_map.from_alpha for saliency_map in maps) and os.environ.get("RANK", "0") == "0":
        notice(f"{sample[0].parent}: the maps for {data.name} are read from their alpha channel")
    brightest = max(maps, key=lambda saliency_map: saliency_map.highest / saliency_map.white)
    # A map may be black; that all of a sample end at one code means values in 0 to 1.
    if brightest.highest == 1 < brightest.white:
        raise InputError(
            f"{sample[0].parent}: the maps for {data.name} hold values from 0 to 1, expected 0 to "
            f"{brightest.white:g}; multiply them by {brightest.white:g}"
        )
    if brightest.white > 255 and 0 < brightest.highest < brightest.white / DARK:
        raise InputError(
            f"{sample[0].parent}: the maps for {data.name} hold values up to "
            f"{brightest.highest:g} of {brightest.white:g}; scale them to the whole range or save "
            "them with 8 bits"
        )
