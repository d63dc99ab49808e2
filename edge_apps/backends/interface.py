"""What every file must be: of its format, taking a photo and giving a map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.errors import InputError
from edge_apps.backends.float_io import Floats


def read_flatbuffer(path: str | Path, identifier: bytes, kind: str) -> bytes:
    """Read a file of a format that a flatbuffer's identifier names.

    Args:
        path: the file.
        identifier: four bytes that stand at byte 4 of every such file.
        kind: what it is called, with its article.

    Raises:
        InputError: if they do not stand there.
    """
    content = Path(path).read_bytes()
    if content[4:8] != identifier:
        raise InputError(
            f"{path}: starts with {content[:8]!r}, not {kind} ({identifier.decode()} at byte 4); "
            "check the file's name and origin"
        )
    return content


def checked_size(
    path: str | Path,
    inputs: Sequence[tuple[tuple[int, ...], str]],
    outputs: Sequence[tuple[tuple[int, ...], str]],
    floats: Floats | None,
) -> int:
    """Return S, after a check that input and output are a photo and a map.

    Args:
        path: the file, for errors.
        inputs: shape and type of each; a side may be a name where it is not fixed.
        outputs: likewise.
        floats: what bytes mean to it; None where it takes them as they are.

    Raises:
        InputError: if they are not.
    """
    tensors = [*inputs, *outputs]
    expected = "float32" if floats else "uint8"
    size = photo_size([shape for shape, _ in tensors])
    if len(inputs) != 1 or {it for _, it in tensors} != {expected} or size is None:
        found = ", ".join(f"{shape} {it}" for shape, it in tensors)
        raise InputError(
            f"{path}: tensors are {found or 'none'}, expected a photo (1, S, S, 3) {expected} and "
            f"a map (1, M, M) {expected}; not an artifact of this project, or without its manifest"
        )
    return size


def photo_size(shapes: Sequence[tuple[int, ...]]) -> int | None:
    """Return S of a network that takes one photo and gives one map, None of any other.

    Args:
        shapes: of all inputs, then of all outputs: (1, S, S, 3), and (1, M, M) or (1, M, M, 1),
            where M is S divided by a whole number.
    """
    if len(shapes) != 2 or len(shapes[0]) != 4 or len(shapes[1]) not in (3, 4):
        return None
    if not all(isinstance(side, int) for shape in shapes for side in shape):
        return None  # ONNX names sides that are not fixed
    photo, saliency_map = shapes
    size, side = photo[1], saliency_map[1]
    fits = size > 0 and side > 0 and size % side == 0
    same = photo == (1, size, size, 3) and saliency_map in ((1, side, side), (1, side, side, 1))
    return size if fits and same else None
