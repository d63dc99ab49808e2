"""Checks, before any work, that the files of results can be written."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from common.errors import InputError


def check_targets(pairs: Iterable[tuple[Path, Path]], *, kind: str, overwrite: bool) -> None:
    """Make sure that every result can be written without loss.

    Args:
        pairs: what is read, and what it becomes; one source may become several files.
        kind: what the sources are called, such as ``photo``.
        overwrite: whether files that exist may be replaced.

    Raises:
        InputError: if two results would have one name, one would replace what is being read, or
            one exists and may not be overwritten, has too long a name, or lies in what is a file.
    """
    pairs = list(pairs)
    for folder in {target.parent for _, target in pairs}:
        check_folder(folder)
    read = {source.resolve() for source, _ in pairs}
    origins: dict[Path, Path] = {}
    for source, target in pairs:
        if target in origins:
            raise InputError(
                f"{origins[target]} and {source} would both become {target}; "
                "rename one or write them into two folders"
            )
        if target.resolve() in read:
            raise InputError(
                f"{target}: would replace a {kind} that is being read; choose another --output"
            )
        check_absent(target, overwrite=overwrite)
        origins[target] = source


def check_absent(target: Path, *, overwrite: bool) -> None:
    """Make sure that a result does not replace a file unasked.

    Raises:
        InputError: if it would.
    """
    try:
        exists = target.exists()
    except OSError as error:
        length = len(os.fsencode(target.name))
        reason = f"its name takes {length} bytes" if error.errno == errno.ENAMETOOLONG else ""
        raise InputError(
            f"{target}: cannot be written ({error.strerror}{reason and ': '}{reason}); "
            "rename what it is made from or choose another folder"
        ) from error
    if exists and not overwrite:
        raise InputError(f"{target}: already exists; pass --overwrite or choose another name")


def check_folder(folder: Path) -> None:
    """Make sure that a folder for results is not a file, nor inside of one.

    Raises:
        InputError: if it is.
    """
    for path in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            if path.exists() and not path.is_dir():
                raise InputError(
                    f"{path}: is a file, expected a folder; results cannot be written there, so "
                    "name another"
                )
