"""Tells whole from truncated JPEG files among those that lack their end marker.

Names of markers and fields are those of ITU-T T.81.
"""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Callable

from PIL import Image

START, END = b"\xff\xd8\xff", b"\xff\xd9"

_TAILS = (b"", b"\xaa\x33\x5c" * 20, b"\x33" * 64)
"""What is put before the end marker: decoders fill up what is missing of the last bits from it,
and of a whole picture they ignore it."""

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def without_end(data: bytes, decode: Callable[[io.BytesIO], Image.Image]) -> Image.Image | None:
    """Decode a JPEG file whose pixels are all there though its end marker is not.

    Phones and cameras that lose power, and programs that cut files to blocks, leave such ones;
    every viewer shows them.

    Args:
        data: the file.
        decode: decodes a file whole or raises.

    Returns:
        The picture; None if the file is no JPEG or pixels are missing.
    """
    # Half of the marker may be there.
    body = data.rstrip(b"\xff")
    try:
        if not data.startswith(START) or not has_all_scans(body):
            return None
        pictures = [decode(io.BytesIO(body + tail + END)) for tail in _TAILS]
    except Exception:  # Pillow's decoders share no other kind of error
        return None
    first, *others = (picture.tobytes() for picture in pictures)
    return pictures[0] if all(other == first for other in others) else None


def has_all_scans(data: bytes) -> bool:
    """Tell whether a JPEG file is complete by its scans.

    They must refine every coefficient of every component to its last bit, and the last one must
    have all its restart markers.

    Raises:
        struct.error: if a header is cut.
    """
    at, interval = 2, 0
    size, sampling = (0, 0), dict[int, tuple[int, int]]()
    missing = set[tuple[int, int]]()
    restarts = True
    while at < len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker in (0xFFC0, 0xFFC1, 0xFFC2):  # frame: baseline, extended, progressive
            height, width, count = struct.unpack_from(">HHB", body, 1)
            size = width, height
            for name, factors in zip(body[6::3][:count], body[7::3], strict=False):
                sampling[name] = factors >> 4, factors & 15
            missing = {(name, k) for name in sampling for k in range(64)}
        elif marker == 0xFFDD:  # restart interval, in MCUs
            (interval,) = struct.unpack(">H", body)
        elif marker == 0xFFDA:  # scan
            names = body[1 : 1 + 2 * body[0] : 2]
            first, last, bits = body[-3:]
            if not bits & 15:
                missing -= {(name, k) for name in names for k in range(first, last + 1)}
            end = _SCAN_END.search(data, at)
            stop = end.start() if end else len(data)
            expected = (_mcus(size, sampling, names) - 1) // interval if interval else 0
            restarts = len(_RESTART.findall(data, at, stop)) == expected
            at = stop
    return not missing and restarts


def _mcus(size: tuple[int, int], sampling: dict[int, tuple[int, int]], names: bytes) -> int:
    """Count the minimum coded units of a scan of the named components."""
    highest = [max(factors[i] for factors in sampling.values()) for i in (0, 1)]
    own = sampling[names[0]] if len(names) == 1 else (1, 1)
    blocks = (math.ceil(math.ceil(size[i] * own[i] / highest[i]) / 8) for i in (0, 1))
    return math.prod(blocks)
