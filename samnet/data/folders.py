"""Pairs the photos and masks of folders by their names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from common.errors import InputError

PARTS = frozenset(
    {"train", "training", "val", "valid", "validation", "test", "testing", "trainval"}
)
"""Names of subfolders, in lower case, that are no classes."""


def divided(photos: Path, masks: Path) -> list[tuple[str, Path, Path]]:
    """Divide folders into photos and masks, with the subfolders of either: prefix, both folders.

    Raises:
        InputError: if the subfolders are the parts of a data set for training and testing.
    """
    inner = sorted({*_subfolders(photos, masks), *_subfolders(masks, photos)})
    parts = [path.name for path in inner if path.name.lower() in PARTS and len(path.parts) == 1]
    if len(parts) > 1:
        raise InputError(
            f"{photos}: holds the parts {', '.join(parts)}, expected one; name it as "
            f"{photos / parts[0]}:{masks / parts[0]}"
        )
    return [
        ("", photos, masks),
        *((f"{path.as_posix()}/", photos / path, masks / path) for path in inner),
    ]


def _subfolders(root: Path, other: Path) -> Iterator[Path]:
    """List all folders below one, relative to it; none twice, though links may go round."""
    seen = {root.resolve(), other.resolve()}
    waiting = [root]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            if path.is_dir() and not path.name.startswith(".") and path.resolve() not in seen:
                seen.add(path.resolve())
                waiting.append(path)
                yield path.relative_to(root)


def by_stem(folder: Path, suffixes: set[str] | frozenset[str]) -> dict[str, Path]:
    """Index the pictures of a folder by stem, composed: systems decompose accents or do not.

    Args:
        folder: may be missing, which counts as empty.
        suffixes: suffixes of pictures, in lower case.

    Raises:
        InputError: if two pictures share a stem.
    """
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and not path.is_dir():
            stem = unicodedata.normalize("NFC", path.stem)
            if stem in files:
                raise InputError(
                    f"{path}: shares its stem with {files[stem].name}; "
                    "files match by stem, so remove or rename one"
                )
            files[stem] = path
    return files
