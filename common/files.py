"""Writes files whole or not at all, and hashes them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from common.errors import InputError
from common.output_paths import check_absent, check_folder


@contextlib.contextmanager
def replacing(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name once the block has succeeded.

    The temporary file keeps the suffix, since many writers choose a format by it. Missing
    folders are created. If the block raises, nothing is left behind.

    Raises:
        InputError: if ``path`` exists and ``overwrite`` is false, or its folder cannot be written.
    """
    path = Path(path)
    temporary = _temporary(path, overwrite=overwrite)
    try:
        yield temporary
        # mkstemp makes files private; the result gets the permissions any new file would.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, BrokenPipeError):
            raise  # of a stream that the block wrote to
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
    except InputError as error:
        temporary.unlink(missing_ok=True)
        if str(temporary) not in str(error):
            raise
        # The user knows the file by its own name alone.
        raise InputError(str(error).replace(str(temporary), str(path))) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(path: str | Path, *, overwrite: bool = False) -> None:
    """Make sure that a file can be written before work is done for it. Make missing folders.

    Raises:
        InputError: as :func:`replacing`.
    """
    _temporary(Path(path), overwrite=overwrite).unlink()


def _temporary(path: Path, *, overwrite: bool) -> Path:
    """Make an empty file of another name beside ``path``."""
    check_absent(path, overwrite=overwrite)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            # A name may be as long as the system allows, and takes up to 4 bytes a character.
            prefix=f".{path.stem[:40]}.",
            suffix=path.suffix,
            dir=path.parent,
        )
        os.close(handle)
    except OSError as error:
        check_folder(path.parent)
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
    return Path(name)


def sha256(path: str | Path) -> str:
    """Compute the SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
