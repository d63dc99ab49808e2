"""Recognizes containers of pictures and videos by their first bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

Kind = Literal[
    "mp4", "avi", "matroska", "flv", "asf", "ogg", "ts", "mpeg", "gif", "png", "webp", "heif"
]
"""Containers of videos, and of pictures that may be animated."""

LOOKED_AT = 600
"""Bytes at the beginning of a file by which its container is known."""

STILL = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif"})
"""Brands of pictures that come in the boxes of MP4."""

SIGNATURES: tuple[tuple[re.Pattern[bytes], Kind], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)  # type: ignore[misc]
    for pattern, kind in (
        (rb".{4}(ftyp|moov|mdat|wide|free|skip|pnot)", "mp4"),
        (rb"RIFF.{4}(AVI |AVIX)", "avi"),
        (rb"RIFF.{4}WEBP", "webp"),
        (rb"\x1aE\xdf\xa3", "matroska"),
        (rb"FLV\x01", "flv"),
        (rb"0&\xb2u\x8ef\xcf\x11", "asf"),
        (rb"OggS", "ogg"),
        (rb"G.{187}G.{187}G|.{4}G.{191}G.{191}G", "ts"),
        (rb"\x00\x00\x01[\xb3\xba]", "mpeg"),
        (rb"GIF8[79]a", "gif"),
        (rb"\x89PNG\r\n\x1a\n", "png"),
    )
)

PICTURES = frozenset({"gif", "png", "webp", "heif"})
"""Kinds that are pictures, animated or not."""


def kind_of(path: Path) -> Kind | None:
    """Name the container of a file; None of another file, or one that cannot be read."""
    try:
        with open(path, "rb") as file:
            return kind_of_bytes(file.read(LOOKED_AT))
    except OSError:
        return None


def kind_of_bytes(head: bytes) -> Kind | None:
    """Name the container of a file by its ``head``, :data:`LOOKED_AT` bytes or more."""
    if head[4:8] == b"ftyp" and head[8:12] in STILL:
        return "heif"
    return next((kind for signature, kind in SIGNATURES if signature.match(head)), None)
