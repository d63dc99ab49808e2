"""Finds the pictures in folders and among named files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from common.errors import InputError
from common.images.decoding import HEIC, reads_heic
from common.images.input_file import STANDARD_INPUT, refuse_address, unreadable
from common.input_notice import notice

SUFFIXES = HEIC | {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".jp2", ".j2k", ".png", ".apng", ".webp", ".avif"),
    *(".bmp", ".dib", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
}
"""What counts as a picture in a folder, in lower case. A file named itself may have any suffix."""

LISTED = 5
"""Files that a line names; it counts the others."""

_SYSTEM = frozenset({"thumbs.db", "desktop.ini"})
"""Files that no user put into a folder, beside the hidden ones."""


def find_photos(paths: Iterable[str | Path]) -> list[Path]:
    """Find the pictures among files and folders, sorted and without repeats.

    A folder stands for the pictures directly inside it, without hidden files. What else is in it
    is counted and named on standard error.

    Raises:
        InputError: if a path does not exist, or there is no picture at all.
    """
    given = [Path(path) for path in paths]
    found: set[Path] = set()
    for path in given:
        refuse_address(path)
        if str(path) == STANDARD_INPUT:
            found.add(path)
            continue
        try:
            path.stat()
            found |= _in_folder(path) if path.is_dir() else {path}
        except (OSError, ValueError) as error:
            reason = unreadable(path, error).replace("no such file; give the path of a picture", "")
            text = reason or "no such file or folder; give photos or folders of photos"
            raise InputError(f"{path}: {text}") from error
    if not found:
        names = ", ".join(str(path) for path in given) or "nothing"
        raise InputError(f"no photo in {names}; expected files such as .jpg, .png or .webp")
    return sorted(found)


def is_picture(path: Path) -> bool:
    """Tell whether a file in a folder counts as a picture, by its name."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def listed(names: Sequence[str]) -> str:
    """List the first few of names, and how many more there are."""
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def _in_folder(folder: Path) -> set[Path]:
    """Find the pictures in a folder; what is left out is said."""
    found: set[Path] = set()
    others: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.lower() in _SYSTEM:
            continue
        if path.is_dir():
            if any(is_picture(inner) for inner in _entries(path)):
                others.append(f"{path.name}/ (a folder)")
        elif path.suffix.lower() in HEIC and not reads_heic():
            others.append(f"{path.name} (HEIC: pip install 'samnet[heic]')")
        elif is_picture(path):
            found.add(path)
        else:
            others.append(path.name + (" (leads nowhere)" if path.is_symlink() else ""))
    if others:
        notice(
            f"{folder}: {len(found)} photos; left out: {listed(others)}. Name what is to be taken"
        )
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
