"""List files: lines of ``image mask``, as editors and spreadsheets of every system write them."""

from __future__ import annotations

import codecs
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.errors import InputError

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

_FIELD = re.compile(r'"([^"]+)"|(\S+)')


def read_list(path: Path) -> list[tuple[Path, Path]]:
    """Read photos with their masks, each photo once.

    Paths are relative to the list, or else to the current folder. They are divided by a tab, or
    by spaces; names with spaces stand in quotes where the files themselves leave doubt.

    Raises:
        InputError: if it cannot be read, a line is no pair, or a photo is named twice.
    """
    pairs: dict[Path, Path] = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", _text(path)), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = _fields(line, path.parent)
        if len(fields) != 2:
            raise InputError(
                f"{path}, line {number}: {len(fields)} fields, expected `image mask`, divided by "
                "a tab if names contain spaces"
            )
        photo, mask = (_found(field, path.parent) for field in fields)
        if photo in pairs:
            raise InputError(f"{path}, line {number}: a second line for {photo}; remove one")
        pairs[photo] = mask
    return list(pairs.items())


def names_of(photos: Sequence[Path]) -> list[str]:
    """Name the photos of a list: their stems, or ``folder/stem`` where stems are repeated.

    Raises:
        InputError: if two differ in their suffix alone.
    """
    names = [photo.stem for photo in photos]
    if len(set(names)) < len(names):
        absolute = [Path(os.path.abspath(photo)) for photo in photos]  # noqa: PTH100 (keeps links)
        root = os.path.commonpath([photo.parent for photo in absolute])
        names = [photo.relative_to(root).with_suffix("").as_posix() for photo in absolute]
    seen: dict[str, Path] = {}
    for name, photo in zip(names, photos, strict=True):
        if name in seen:
            raise InputError(f"{seen[name]} and {photo} share the name {name}; rename one")
        seen[name] = photo
    return names


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        text = data.decode(
            next((c for mark, c in _MARKS.items() if data.startswith(mark)), "utf-8")
        )
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path}: not a readable list of `image mask` lines ({error})") from error
    if "\0" in text:
        raise InputError(f"{path}: not a readable list of `image mask` lines; save it as UTF-8")
    return text


def _fields(line: str, folder: Path) -> list[str]:
    if "\t" in line:
        return [field.strip().strip('"') for field in line.split("\t") if field.strip()]
    fields = [quoted or plain for quoted, plain in _FIELD.findall(line)]
    if len(fields) > 2 and '"' not in line:
        halves = (
            [line[: gap.start()].strip(), line[gap.end() :].strip()]
            for gap in re.finditer(r"\s+", line)
        )
        whole = [
            half for half in halves if all(text and _found(text, folder).is_file() for text in half)
        ]
        if len(whole) == 1:
            return whole[0]
    return fields


def _found(text: str, folder: Path) -> Path:
    """Find the file that a list names: Unicode and slashes are written in more than one way."""
    return next((path for path in _spellings(text, folder) if path.exists()), folder / text)


def _spellings(text: str, folder: Path) -> Iterator[Path]:
    for base in (folder, Path()):
        for name in (text, text.replace("\\", "/")):
            yield base / name
            yield base / unicodedata.normalize("NFC", name)
            yield base / unicodedata.normalize("NFD", name)
