"""Finds photos in folders by class, in ImageNet's layout."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

from common.errors import InputError
from common.images.photo_files import is_picture

Labeled = tuple[Path, int]
"""A photo and the index of its class."""

SHARE = 0.1
"""Held out of each class where the folder has no part of its own for validation."""


@dataclasses.dataclass(frozen=True)
class ClassPhotos:
    """Labeled photos.

    Args:
        classes: names of the classes, sorted; labels are places in it.
        training: photos to train on, sorted.
        validation: photos to validate on, sorted.
    """

    classes: tuple[str, ...]
    training: tuple[Labeled, ...]
    validation: tuple[Labeled, ...]


def find_class_photos(root: Path, seed: int = 0) -> ClassPhotos:
    """Read ``root/train/CLASS/*`` and ``root/val/CLASS/*``, or ``root/CLASS/*``.

    Of the latter a tenth of each class is held out, at least one photo; the same seed and files
    give the same division.

    Raises:
        InputError: if there are no folders of classes, fewer than two, or a class lacks photos.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give one of class folders")
    divided = (root / "train").is_dir() and (root / "val").is_dir()
    training = _by_class(root / "train" if divided else root)
    classes = tuple(training)
    if divided:
        validation = _by_class(root / "val")
        if tuple(validation) != classes:
            odd = sorted(set(validation) ^ set(classes))
            raise InputError(
                f"{root}: train and val differ in {len(odd)} class folders, such as {odd[0]}; "
                "expected the same in both"
            )
    else:
        validation = {}
        for name, photos in training.items():
            if len(photos) < 2:
                raise InputError(
                    f"{root / name}: {len(photos)} photo, expected at least 2 to hold one out"
                )
            count = max(1, round(SHARE * len(photos)))
            validation[name] = sorted(random.Random(f"{seed} {name}").sample(photos, count))
            training[name] = sorted(set(photos) - set(validation[name]))
    return ClassPhotos(classes, _labeled(training), _labeled(validation))


def _by_class(root: Path) -> dict[str, list[Path]]:
    folders = sorted(
        path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    if len(folders) < 2:
        raise InputError(
            f"{root}: {len(folders)} class folders, expected at least 2, each with the photos of "
            "one class; or train and val with such folders"
        )
    classes = {}
    for folder in folders:
        photos = sorted(path for path in folder.iterdir() if is_picture(path))
        if not photos:
            raise InputError(f"{folder}: no photo; expected files such as .jpg or .png")
        classes[folder.name] = photos
    return classes


def _labeled(classes: dict[str, list[Path]]) -> tuple[Labeled, ...]:
    return tuple(
        (photo, label) for label, photos in enumerate(classes.values()) for photo in photos
    )
