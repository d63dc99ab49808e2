"""Data sets as lists of pairs, read from the folders they are published in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from common.errors import InputError
from common.images.photo_files import SUFFIXES
from samnet.data.folders import by_stem, divided
from samnet.data.lists import names_of, read_list
from samnet.data.published import LAYOUTS


@dataclasses.dataclass(frozen=True)
class Pair:
    """A photo and its mask.

    Args:
        stem: names the pair, unique in its data set; ``class/name`` where classes have folders or a
            list repeats stems.
        photo: path of the photo.
        mask: path of the mask; foreground is above 128.
    """

    stem: str
    photo: Path
    mask: Path


@dataclasses.dataclass(frozen=True)
class DataSet:
    """The pairs of one data set, sorted by stem.

    Args:
        name: name for tables; that of the published set where it is one.
        pairs: photos with a mask.
        without_mask: photos that have none.
        without_photo: masks that have none.
        published_count: pairs in the set as published; None for any other.
    """

    name: str
    pairs: tuple[Pair, ...]
    without_mask: tuple[Path, ...] = ()
    without_photo: tuple[Path, ...] = ()
    published_count: int | None = None


PHOTO_FOLDERS = ("images", "image", "imgs", "img", "photos", "jpegimages", "src")
MASK_FOLDERS = ("masks", "mask", "gt", "ground_truth_mask", "ground_truth", "groundtruth", "labels")
"""Names, in any case, by which the pair of folders of an unpublished set is known."""


def find_pairs(spec: str | Path, layout: str | None = None) -> DataSet:
    """Read which files of a data set belong together.

    ``spec`` is ``[NAME=]PLACE``. The place is the folder of a published data set or one around
    it, a folder with one subfolder of photos and one of masks, two folders as ``PHOTOS:MASKS``,
    or a list file, see :func:`samnet.data.lists.read_list`. Files match by stem; the folders of
    photos and masks may both be divided into the same subfolders, one a class.

    Args:
        spec: the data set.
        layout: published layout to insist on, a key of ``LAYOUTS``; None takes the one that the
            name says or that is found.

    Raises:
        InputError: if the place does not exist or cannot be read, its layout is unknown, or no
            pair is found.
    """
    try:
        return _find_pairs(str(spec), layout)
    except OSError as error:
        raise InputError(f"{spec}: cannot be read ({error.strerror})") from error


def _find_pairs(spec: str, layout: str | None) -> DataSet:
    name, _, place = ("", "", spec) if Path(spec).exists() else spec.rpartition("=")
    if "://" in place:
        raise InputError(f"{place}: an address, expected a folder on this machine; download it")
    root = Path(place)
    published = layout or next(
        (key for key in LAYOUTS if key.lower() == (name or root.resolve().name).lower()), None
    )
    if published is not None and published not in LAYOUTS:
        raise InputError(f"unknown data layout {published!r}; use one of {', '.join(LAYOUTS)}")
    name = name or published or root.resolve().stem
    if root.is_file():
        listed = read_list(root)
        stems = names_of([photo for photo, _ in listed])
        pairs = [Pair(stem, *files) for stem, files in zip(stems, listed, strict=True)]
        found = DataSet(name, tuple(sorted(pairs, key=lambda pair: pair.stem)))
    elif root.is_dir():
        found = _match(name, _folders(root, published, generic=layout is None))
    elif ":" in place and all(Path(part).is_dir() for part in place.split(":", 1)):
        photos, masks = (Path(part) for part in place.split(":", 1))
        found = _match(name, divided(photos, masks))
    else:
        raise InputError(
            f"{place}: no such folder or list file; give NAME=FOLDER, NAME=PHOTOS:MASKS "
            "or NAME=LIST"
        )
    if not found.pairs:
        raise InputError(
            f"{place}: no photo has a mask of the same stem "
            f"({len(found.without_mask)} photos, {len(found.without_photo)} masks); "
            "expected files such as a.jpg with a.png"
        )
    if published is None:
        return found
    known = LAYOUTS[published]
    return dataclasses.replace(
        found,
        published_count=known.count,
        without_mask=found.without_mask if known.complete else (),
    )


def _folders(root: Path, published: str | None, *, generic: bool) -> list[tuple[str, Path, Path]]:
    """List folders of photos and masks below a root: prefix of the stems, photos, masks."""
    known = LAYOUTS[published].folders if published else ()
    for base in (root, root / published) if published else ():
        for photos, masks in known:
            if groups := list(_groups(base, photos, masks)):
                return groups
    folders = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    photo_folder = next((folders[key] for key in PHOTO_FOLDERS if key in folders), None)
    mask_folder = next((folders[key] for key in MASK_FOLDERS if key in folders), None)
    if photo_folder and mask_folder and generic:
        return divided(photo_folder, mask_folder)
    expected = [f"{photos} with {masks}" for photos, masks in known]
    if generic:
        expected.append("images with masks, or the name of a published data set (NAME=FOLDER)")
    raise InputError(
        f"{root}: unknown data layout; found the folders "
        f"{', '.join(path.name for path in folders.values()) or '(none)'}; "
        f"expected {' or '.join(expected)}"
    )


def _groups(base: Path, photos: str, masks: str) -> Iterator[tuple[str, Path, Path]]:
    """List the folders that two patterns of a layout name, one entry a class."""
    for folder in sorted(base.glob(photos)):
        group = folder.relative_to(base).parts[0] if "*" in photos else ""
        partner = base / masks.replace("*", group)
        if folder.is_dir() and partner.is_dir():
            yield (f"{group}/" if group else ""), folder, partner


def _match(name: str, groups: list[tuple[str, Path, Path]]) -> DataSet:
    pairs: list[Pair] = []
    without_mask: list[Path] = []
    without_photo: list[Path] = []
    for prefix, photo_folder, mask_folder in groups:
        shared = photo_folder == mask_folder
        photos = by_stem(photo_folder, SUFFIXES - {".png"} if shared else SUFFIXES)
        masks = by_stem(mask_folder, {".png"} if shared else SUFFIXES)
        pairs += [
            Pair(prefix + photos[stem].stem, photos[stem], masks[stem])
            for stem in photos.keys() & masks.keys()
        ]
        without_mask += [photos[stem] for stem in photos.keys() - masks.keys()]
        without_photo += [masks[stem] for stem in masks.keys() - photos.keys()]
    return DataSet(
        name,
        tuple(sorted(pairs, key=lambda pair: pair.stem)),
        tuple(sorted(without_mask)),
        tuple(sorted(without_photo)),
    )
