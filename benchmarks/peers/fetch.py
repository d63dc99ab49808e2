"""Files of the networks of others: fetched, checked by their hashes, exported where need be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.sources import Part
from benchmarks.peers.table import PEERS, Peer
from common.child_process import child_environment
from common.errors import InputError
from common.files import replacing, sha256
from common.installed import installed_version

FOLDER = Path("runs/peers")
"""Where fetched networks are kept unless told otherwise."""

MAKERS = {".onnx": ("torch", "onnx"), ".tflite": ("torch", "litert-torch")}
"""Packages that decide what an exported file holds."""


def peer_file(name: str, folder: Path, suffix: str = "") -> Path:
    """Name the file of a peer once it is fetched; its first one unless a suffix says which."""
    return folder / f"{name}{suffix or PEERS[name].suffixes[0]}"


def fetch(name: str, folder: Path, suffix: str = "", clones: Sequence[Path] = ()) -> Path:
    """Fetch a peer's file unless it is there.

    Args:
        name: a key of :data:`benchmarks.peers.table.PEERS`.
        folder: that keeps the files.
        suffix: of the file, where the peer has several; its first one if empty.
        clones: local clones of repositories to take files from.

    Raises:
        InputError: if it cannot be had or made, or what is there is something else.
    """
    peer, path = PEERS[name], peer_file(name, folder, suffix)
    if path.suffix not in peer.suffixes:
        raise InputError(f"{name}: is no {path.suffix}, but {' and '.join(peer.suffixes)}")
    if peer.export is None:
        (part,) = peer.parts
        return _fetched(name, part, path, clones)
    for part in peer.parts:
        _fetched(name, part, folder / name / part.name, clones)
    # Not beside the file, where a manifest of ours would stand.
    record = folder / name / f"{path.name}.json"
    if not (path.is_file() and _record(record) == {**_made_from(peer, path), **_hash(path)}):
        _export(peer, folder / name, path)
        with replacing(record, overwrite=True) as temporary:
            temporary.write_text(json.dumps({**_made_from(peer, path), **_hash(path)}))
    return path


def _fetched(name: str, part: Part, path: Path, clones: Sequence[Path]) -> Path:
    if path.exists():
        if (found := sha256(path)) != part.sha256:
            raise InputError(
                f"{path}: hash is {found[:12]}…, expected {part.sha256[:12]}…; delete the file "
                "and fetch it anew"
            )
        return path
    try:
        content = part.read(clones)
    except InputError as error:
        raise InputError(
            f"{error}; {name} needs the network once, or its file as {path}"
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def _export(peer: Peer, fetched: Path, path: Path) -> None:
    """Export a network in a process of its own: the code of others runs nowhere else."""
    assert peer.export is not None
    it = peer.export
    with replacing(path, overwrite=True) as temporary:
        arguments = [fetched, it.package, it.network, it.weights, it.size, path.suffix, temporary]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.peers.export", *map(str, arguments)],
            env=child_environment(CUDA_VISIBLE_DEVICES=""),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode or not temporary.is_file():
            reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise InputError(f"{path.name}: could not be exported ({reason[:300]})")


def _made_from(peer: Peer, path: Path) -> dict[str, Any]:
    """Name what decides an exported file: the parts by their hashes, the packages' versions."""
    parts = {part.name: part.sha256 for part in peer.parts}
    return {"parts": parts, "versions": {it: installed_version(it) for it in MAKERS[path.suffix]}}


def _hash(path: Path) -> dict[str, str]:
    return {"sha256": sha256(path)}


def _record(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
