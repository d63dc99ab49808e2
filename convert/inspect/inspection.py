"""The result of an inspection, and the reader for each kind of file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from common.errors import InputError, SamnetError
from common.files import sha256
from common.images.input_file import check_is_file
from convert.contract.forms import CONVERTERS
from edge_apps.formats import FORMATS
from edge_apps.manifest import Delegation, manifest_path, verify

TYPES = {
    **{known.name: suffix for suffix, known in FORMATS.items()},
    "safetensors": ".safetensors",
    "torch program": ".pt2",
}
"""What is understood, and the suffix such files should have."""

MAX_BYTES = 1 << 30
"""Files larger than this are not read: no network for a small device is."""


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """One tensor that goes in or comes out.

    Args:
        name: as the file says.
        shape: sides; text for one that is not fixed.
        type: as ``uint8``.
        scale: real value = (stored value - zero_point) * scale; None where it is not quantized.
        zero_point: see scale.
    """

    name: str
    shape: tuple[int | str, ...]
    type: str
    scale: float | None = None
    zero_point: int | None = None


@dataclasses.dataclass(frozen=True)
class OperationCount:
    """Operations of one kind.

    Args:
        kind: the format's own name.
        count: how many there are.
        multiply_adds: of all of them in one run; None where it is not known.
    """

    kind: str
    count: int
    multiply_adds: int | None = None


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a format's reader finds.

    Args:
        inputs: tensors that go in.
        outputs: tensors that come out.
        operations: by kind, the most frequent first.
        delegation: what the runtime's fast path executes; None where there is none.
        metadata: that the file carries.
        notes: what could not be found out, and why.
    """

    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
    operations: tuple[OperationCount, ...] = ()
    delegation: Delegation | None = None
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def kind_of(path: Path) -> str:
    """Tell the kind of a file by its first bytes, whatever its name.

    Raises:
        InputError: if it is none of :data:`TYPES`.
    """
    with open(path, "rb") as file:
        start = file.read(16)
    for known in FORMATS.values():
        if known.magic and start[4:].startswith(known.magic):
            return known.name
    if start[:4] == b"PK\x03\x04":
        return "torch program"
    if start[8:9] == b"{":
        return "safetensors"
    if start[:1] == b"\x80":
        raise InputError(f"{path}: a pickle, which may run code; it is not read")
    if path.suffix == ".onnx":
        return "onnx"
    raise InputError(
        f"{path}: starts with {start[:8]!r}, which is none of {', '.join(TYPES.values())}"
    )


def read(path: Path) -> dict[str, Any]:
    """Inspect a file in this process, which its reader may take down.

    Returns:
        Plain values: ``path``, ``kind``, ``bytes``, ``sha256``, the fields of :class:`Contents`,
        and ``manifest``, None where there is none.

    Raises:
        InputError: if it is missing, too large, of no known kind, or damaged.
    """
    check_is_file(path, "give the path of a network")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"{path}: has {size} bytes, more than the {MAX_BYTES} that are read")
    kind = kind_of(path)
    contents = dataclasses.asdict(_contents(kind, path))
    notes = list(contents.pop("notes"))
    if path.suffix != TYPES[kind]:
        notes.append(f"is a {TYPES[kind]} file by its content, whatever its name says")
    manifest = None
    try:
        if manifest_path(path).exists():
            manifest = dataclasses.asdict(verify(path))
    except SamnetError as error:
        notes.append(f"manifest: {error}")
    about = {"path": str(path), "kind": kind, "bytes": size, "sha256": sha256(path)}
    return {**about, **contents, "manifest": manifest, "notes": notes}


def _contents(kind: str, path: Path) -> Contents:
    if TYPES[kind] in CONVERTERS:
        found: Contents = CONVERTERS[TYPES[kind]].module("reader").read_contents(path.read_bytes())
        return found
    from convert.inspect.archive import read_program, read_safetensors

    return read_safetensors(path) if kind == "safetensors" else read_program(path)


def counted(kinds: list[tuple[str, int | None]]) -> tuple[OperationCount, ...]:
    """Count operations by kind from the kind and the multiply-adds of each."""
    found: dict[str, list[int | None]] = {}
    for kind, cost in kinds:
        found.setdefault(kind, []).append(cost)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        OperationCount(
            kind,
            len(costs),
            None if None in costs else sum(cost for cost in costs if cost is not None),
        )
        for kind, costs in ordered
    )
