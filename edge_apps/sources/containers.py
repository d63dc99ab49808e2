"""Reads completeness and sound of a video file without decoding it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from common.containers import Kind, kind_of

HEAD = 1 << 20
"""Bytes at the beginning of a file within which it describes its streams."""

ZEROS = 4096
"""Bytes at the end of a file that hold nothing where it was not written to its end."""

SEGMENT = b"\x18\x53\x80\x67"
"""Matroska's element that holds all others but the first."""

ASF_SIZE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
"""The object of ASF that holds the file's size, 40 bytes from its beginning."""

SOUND: dict[Kind, bytes] = {
    "mp4": rb"hdlr.{8}soun",
    "avi": rb"strh.{4}auds",
    "matroska": rb"\x83\x81\x02",
    "flv": rb"\AFLV\x01[\x04-\x07]",
    "asf": rb"\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b",
    "ogg": rb"\x01vorbis|OpusHead|\x7fFLAC|Speex   ",
    "mpeg": rb"\x00\x00\x01[\xbd\xc0-\xdf]",
}
"""What stands in the description of a stream of sound."""


def is_cut(path: Path) -> bool:
    """Tell whether a file ends before its container says it does; False where that says nothing."""
    kind = kind_of(path)
    if kind is None or kind not in _ENDS:
        return False
    with open(path, "rb") as file:
        return _ENDS[kind](file, os.fstat(file.fileno()).st_size)


def ends_in_zeros(path: Path) -> bool:
    """Tell whether a file's end was reserved and never written, as by an unfinished download."""
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - ZEROS))
        return not any(file.read())


def has_sound(path: Path) -> bool | None:
    """Tell whether a video has sound; None where its container does not tell."""
    kind = kind_of(path)
    if kind is None or kind not in SOUND:
        return None
    with open(path, "rb") as file:
        if kind == "mp4":
            size = os.fstat(file.fileno()).st_size
            heads = (file.read(HEAD) for name, _ in _boxes(file, size) if name == b"moov")
            head = b"".join(heads)
        else:
            head = file.read(HEAD)
    return bool(re.search(SOUND[kind], head, re.DOTALL))


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Yield names and ends of MP4's outermost boxes; the file stands behind each one's head."""
    start = 0
    while start + 8 <= size:
        file.seek(start)
        head = file.read(16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - start
        if length < 8:  # what stands behind the boxes is none
            return
        yield name, start + length
        start += length


def _mp4_is_cut(file: BinaryIO, size: int) -> bool:
    return any(end > size for _, end in _boxes(file, size))


def _riff_is_cut(file: BinaryIO, size: int) -> bool:
    start = 0
    while start + 8 <= size:
        file.seek(start)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or length in (0, 0xFFFFFFFF):  # a writer that could not go back
            return False
        start += 8 + length
        if start > size:
            return True
        start += length % 2
    return False


def _matroska_is_cut(file: BinaryIO, size: int) -> bool:
    head = file.read(4096)
    found = head.find(SEGMENT)
    if found < 0 or found + 12 > len(head):
        return False
    width = 9 - head[found + 4].bit_length()
    field = head[found + 4 : found + 4 + width]
    length = int.from_bytes(field, "big") & (1 << 7 * width) - 1
    unknown = length == (1 << 7 * width) - 1
    return not unknown and found + 4 + width + length > size


def _flv_is_cut(file: BinaryIO, size: int) -> bool:
    """Tell whether a tag of FLV, each followed by its length, is incomplete."""
    file.seek(size - 4)
    length = int.from_bytes(file.read(4), "big")
    if not 11 <= length <= size - 13:
        return True
    file.seek(size - 4 - length)
    return int.from_bytes(file.read(4)[1:], "big") != length - 11


def _asf_is_cut(file: BinaryIO, size: int) -> bool:
    head = file.read(HEAD)
    found = head.find(ASF_SIZE)
    return found >= 0 and int.from_bytes(head[found + 40 : found + 48], "little") > size


def _ogg_is_cut(file: BinaryIO, size: int) -> bool:
    """Tell whether the last page of an Ogg stream lacks the flag that it is the last."""
    file.seek(max(0, size - (1 << 17)))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    count = page[26] if len(page) > 26 else 255
    length = 27 + count + sum(page[27 : 27 + count])
    return len(page) < length or not page[5] & 4


def _ts_is_cut(file: BinaryIO, size: int) -> bool:
    return bool(size % (188 if file.read(1) == b"G" else 192))


def _gif_is_cut(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - HEAD))
    return not file.read().rstrip(b"\0").endswith(b";")


def _png_is_cut(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - HEAD))
    return b"IEND" not in file.read()


_ENDS: dict[Kind, Callable[[BinaryIO, int], bool]] = {
    "mp4": _mp4_is_cut,
    "avi": _riff_is_cut,
    "webp": _riff_is_cut,
    "matroska": _matroska_is_cut,
    "flv": _flv_is_cut,
    "asf": _asf_is_cut,
    "ogg": _ogg_is_cut,
    "ts": _ts_is_cut,
    "gif": _gif_is_cut,
    "png": _png_is_cut,
}
