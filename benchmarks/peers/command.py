"""``samnet bench peers``: fetches networks of others to compare with.

They are downloaded from where they are public, checked by their hashes and never installed; they
keep their own licenses and are no part of this project. What cannot be had is said, and its rows
in tables say so, too.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

from benchmarks.peers.fetch import FOLDER, fetch
from benchmarks.peers.table import PEERS
from common.arguments import CACHE
from common.command import Command
from common.errors import InputError, SamnetError


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench peers``."""

    folder: Annotated[Path, CACHE] = FOLDER
    """Folder to keep them in."""
    clones: tuple[Path, ...] = ()
    """Local clones of repositories on GitHub to take files from, where it cannot be reached."""


def main(options: Options) -> None:
    """Fetch all peers and say what they are.

    Raises:
        InputError: for a clone that is no folder, or if some peers could not be had.
    """
    for clone in options.clones:
        if not clone.is_dir():
            raise InputError(f"{clone}: no such folder; give clones of repositories")
    absent = []
    for name, peer in PEERS.items():
        for suffix in peer.suffixes:
            try:
                path = fetch(name, options.folder, suffix, options.clones)
            except SamnetError as error:
                absent.append(f"{name}{suffix}")
                print(f"{name}{suffix}: {error}", file=sys.stderr, flush=True)
            else:
                print(f"{path}: {peer.about}; license: {peer.license}; from {peer.origin}")
                sys.stdout.flush()
    if absent:
        raise InputError(f"not fetched: {', '.join(absent)}; the lines above say why")


COMMAND = Command.of(Options, main, "Fetches networks of others to compare with.")
