"""Reads TFLite metadata, of this project or of others (``metadata_schema.fbs`` of tflite-support).

The numbers of fields are those of the schema's tables. What stands in unions that no image network
uses is named, not read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from common.errors import InputError

TEXTS = {
    "name": 0,
    "description": 1,
    "version": 2,
    "author": 4,
    "license": 5,
    "oldest parser": 7,
}
"""Fields of a model's metadata that are text."""

CONTENTS = ("", "features", "image", "bounding boxes", "audio")
COLORS = ("", "RGB ", "grayscale ")
UNITS = ("", "normalized", "calibrated", "thresholded", "tokenized", "tokenized", "tokenized")
ACTIVATIONS = ("none", "sigmoid", "softmax")
"""Names of the schema's unions and enumerations, by their numbers."""


def read_metadata(data: bytes) -> dict[str, str]:
    """Read what a model says of itself, by name.

    Args:
        data: the buffer called TFLITE_METADATA.

    Raises:
        InputError: if it is damaged.
    """
    try:
        return dict(_model(_Table.root(data)))
    except (struct.error, IndexError, TypeError, ValueError) as error:
        raise InputError(f"its TFLITE_METADATA is damaged ({type(error).__name__})") from error


def _model(model: _Table) -> Iterator[tuple[str, str]]:
    for name, slot in TEXTS.items():
        if text := model.text(slot):
            yield name, text
    for graph in model.tables(3):
        for side, slot in (("input", 2), ("output", 3)):
            for tensor in graph.tables(slot):
                yield f"{side} {tensor.text(0)}".strip(), _tensor(tensor)
        for custom in graph.tables(9):
            # MediaPipe's image_segmenter_metadata_schema.fbs.
            if custom.text(0) == "SEGMENTER_METADATA":
                options = _Table.root(custom.bytes(1))
                yield "activation", _named(ACTIVATIONS, options.number(0))


def _tensor(tensor: _Table) -> str:
    """Read what a tensor holds, how it was brought into its range, and what belongs to it."""
    parts = []
    for content in tensor.table(3):
        kind = _named(CONTENTS, content.number(0))
        color = ""
        if kind == "image":
            color = "".join(_named(COLORS, it.number(0)) for it in content.table(1))
        parts.append(f"{color}{kind}")
    for unit in tensor.tables(4):
        done = _named(UNITS, unit.number(0))
        for options in unit.table(1) if done == "normalized" else ():
            means, deviations = options.floats(0), options.floats(1)
            pairs = zip(means, deviations, strict=False)
            done += " by " + ", ".join(f"(value - {m:g}) / {d:g}" for m, d in pairs)
        parts.append(done)
    for stats in tensor.table(5):
        most, least = stats.floats(0), stats.floats(1)
        if most and least:
            parts.append(f"{min(least):g} to {max(most):g}")
    parts += [file.text(0) for file in tensor.tables(6)]
    return "; ".join(part for part in (", ".join(parts), tensor.text(1)) if part)


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else f"kind {number}"


class _Table:
    """A table of a flatbuffer whose fields are asked for by their numbers.

    Args:
        table: as flatbuffers has it.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    @classmethod
    def root(cls, data: bytes) -> _Table:
        """Read the table that a buffer begins with."""
        from flatbuffers.table import Table

        (start,) = struct.unpack_from("<I", data)
        return cls(Table(data, start))

    def number(self, slot: int) -> int:
        """Read a field of one byte; 0 where it is not set."""
        at = self._at(slot)
        return int(self._table.Bytes[at]) if at else 0

    def text(self, slot: int) -> str:
        """Read a field of text; empty where it is not set."""
        at = self._at(slot)
        return self._table.String(at).decode(errors="replace") if at else ""

    def table(self, slot: int) -> tuple[_Table, ...]:
        """Read a field that is a table, if it is set."""
        at = self._at(slot)
        return (self._behind(at),) if at else ()

    def tables(self, slot: int) -> Iterator[_Table]:
        """Read a field that is a vector of tables."""
        start, length = self._vector(slot)
        for i in range(length):
            yield self._behind(start + 4 * i)

    def floats(self, slot: int) -> tuple[float, ...]:
        """Read a field that is a vector of numbers."""
        start, length = self._vector(slot)
        return struct.unpack_from(f"<{length}f", self._table.Bytes, start)

    def bytes(self, slot: int) -> bytes:
        """Read a field that is a vector of bytes."""
        start, length = self._vector(slot, 1)
        return bytes(self._table.Bytes[start : start + length])

    def _at(self, slot: int) -> int:
        """Find where a field stands; 0 if it is not set."""
        offset = self._table.Offset(4 + 2 * slot)
        return self._table.Pos + offset if offset else 0

    def _behind(self, at: int) -> _Table:
        return _Table(type(self._table)(self._table.Bytes, self._table.Indirect(at)))

    def _vector(self, slot: int, width: int = 4) -> tuple[int, int]:
        """Find where a vector's entries of so many bytes begin, and how many there are."""
        at = self._at(slot)
        if not at:
            return 0, 0
        offset = at - self._table.Pos
        start, length = self._table.Vector(offset), self._table.VectorLen(offset)
        if start + width * length > len(self._table.Bytes):
            raise ValueError("a vector reaches beyond the end")
        return start, length
