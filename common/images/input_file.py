"""Resolves what names a picture: a file, a pipe or standard input."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from pathlib import Path

from common.errors import InputError

STANDARD_INPUT = "-"
"""Names standard input in place of a file."""

_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")

# Path makes one slash of the two.
_ADDRESS = re.compile(r"(?!file:)([a-z][a-z0-9+.-]+):/{1,2}(?=[^/])(.*)", re.IGNORECASE | re.DOTALL)


def refuse_address(path: str | Path) -> None:
    """Make sure that a path is none of the web.

    Raises:
        InputError: if it is.
    """
    found = _ADDRESS.fullmatch(str(path))
    if found and not os.path.lexists(path):
        raise InputError(
            f"{found[1]}://{found[2]}: an address, expected a file on this machine; download it "
            "first"
        )


def is_stream(path: str | Path) -> bool:
    """Tell whether a path names bytes that can be read but once."""
    if str(path) == STANDARD_INPUT:
        return True
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def name_of(path: str | Path) -> str:
    """Name the files made from an input, without a suffix."""
    if str(path) == STANDARD_INPUT:
        return "stdin"
    found = _DESCRIPTOR.fullmatch(str(path))
    return f"fd{found[1]}" if found else Path(path).stem


def open_input(path: str | Path) -> Path | io.BytesIO:
    """Return the path of a file, or all bytes of a stream: ``-``, ``/dev/fd/N`` or a named pipe.

    Raises:
        InputError: if it is missing, no file, or cannot be read.
    """
    refuse_address(path)
    try:
        if str(path) == STANDARD_INPUT:
            return _read_descriptor(0)
        mode = Path(path).stat().st_mode
        if stat.S_ISREG(mode):
            return Path(path)
        if stat.S_ISDIR(mode):
            raise InputError(f"{path}: is a folder; give the path of a picture")
        if not is_stream(path):
            raise InputError(f"{path}: is a device; give the path of a picture")
        descriptor = _DESCRIPTOR.fullmatch(str(path))
        if descriptor:
            return _read_descriptor(int(descriptor[1]))
        with open(path, "rb") as file:
            return io.BytesIO(file.read())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {unreadable(path, error)}") from error


def unreadable(path: str | Path, error: OSError | ValueError) -> str:
    """Say why a path cannot be read, for people."""
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP) and Path(path).is_symlink():
        target = Path(path).readlink()
        return f"no such file, a symbolic link that leads nowhere ({target}); mend it"
    if code in (errno.ENOENT, errno.ENOTDIR, None):
        return "no such file; give the path of a picture"
    assert isinstance(error, OSError)
    return f"cannot be read ({error.strerror})"


def check_is_file(path: str | Path, cure: str) -> None:
    """Make sure that a path is that of a file which can be read.

    Args:
        path: path of the file.
        cure: what to do where it is none, for the message.

    Raises:
        InputError: if it is missing, a folder or a device, or may not be read.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "folder" if stat.S_ISDIR(mode) else "pipe or device"
            raise InputError(f"{path}: is a {kind}, expected a file; {cure}")
        path.open("rb").close()
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        raise InputError(f"{path}: no such file; {cure}") from error


def _read_descriptor(number: int) -> io.BytesIO:
    if os.isatty(number):
        raise InputError("-: standard input is a terminal; pipe a photo into it")
    with open(number, "rb", closefd=False) as file:
        data = file.read()
    if not data:
        raise InputError(f"{'-' if not number else f'/dev/fd/{number}'}: is empty; pipe a photo")
    return io.BytesIO(data)
