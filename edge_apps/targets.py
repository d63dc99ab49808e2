"""The files that results will become, looked at before any work."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge_apps.errors import InputError


def check_targets(pairs: Iterable[tuple[Path, Path]], *, kind: str, overwrite: bool) -> None:
    """Makes sure that every result can be written without loss.

    Args:
        pairs: what is read, and what it becomes; one source may become several files.
        kind: what the sources are called, such as ``photo``.
        overwrite: whether files that exist may be replaced.

    Raises:
        InputError: if two results would have one name, one would replace what is being read, or
            one exists and may not be overwritten.
    """
    pairs = list(pairs)
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
    """Makes sure that a result does not replace a file unasked.

    Raises:
        InputError: if it would.
    """
    if target.exists() and not overwrite:
        raise InputError(f"{target}: already exists; pass --overwrite or choose another name")
