"""Reads raw frames from standard input and writes raw maps to standard output."""

from __future__ import annotations

import io
import re
import select
import sys
import threading
import time
from collections.abc import Iterable, Iterator

import numpy as np

from common.errors import InputError
from common.streams import INPUT, OUTPUT
from edge_apps.program.pipeline import Result
from edge_apps.sources.frames import Frame

LARGEST = 16384
"""Pixels that a side may have; a typing error would otherwise ask for all memory."""


class RawFrames:
    """RGB24 frames without any header, one after the other.

    Args:
        stream: unbuffered; only the reading thread touches it.
        size: (width, height) in pixels.
    """

    name = "standard input"
    live = False
    rate = 0.0
    total: int | None = None
    notice = ""

    def __init__(self, stream: io.RawIOBase, size: tuple[int, int]) -> None:
        self.stream = stream
        self.size = size

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield frames until the stream ends or ``stop`` is set.

        Raises:
            InputError: if the stream ends within a frame.
        """
        width, height = self.size
        count = 0
        while not stop.is_set():
            photo = np.empty((height, width, 3), np.uint8)
            start = time.monotonic()
            found = _fill(self.stream, photo.data.cast("B"))
            if not found:
                return
            if found < photo.nbytes:
                raise InputError(
                    f"standard input: frame {count + 1} ends after {found} of {photo.nbytes} "
                    f"bytes; check that frames are RGB24 of {width}x{height}"
                )
            count += 1
            now = time.monotonic()
            yield Frame(photo, f"{count:06}", now - start, now)


def standard_input(size: tuple[int, int]) -> RawFrames:
    """Read frames of ``size`` (width, height) from standard input.

    Raises:
        InputError: if that is a terminal or closed.
    """
    if sys.stdin is None:
        raise InputError("standard input is closed; pipe frames into it")
    if sys.stdin.isatty():
        raise InputError(
            "standard input is a terminal; pipe frames into it, as in "
            "ffmpeg -i FILE -f rawvideo -pix_fmt rgb24 - | …"
        )
    # Unbuffered, since a thread that waits in a buffered stream would hold up the exit.
    return RawFrames(open(INPUT, "rb", buffering=0, closefd=False), size)


def standard_output() -> io.RawIOBase:
    """Return standard output, for :func:`write_maps`.

    Raises:
        InputError: if it is closed.
    """
    if sys.stdout is None:
        raise InputError("standard output is closed; maps are written to it, as in … | ffplay -")
    sys.stdout.flush()
    return open(OUTPUT, "wb", buffering=0, closefd=False)


def write_maps(results: Iterable[Result], stream: io.RawIOBase) -> int:
    """Write each map as H * W bytes, 255 is salient; return the number of maps.

    Args:
        results: what to write.
        stream: unbuffered, such as standard output.

    Raises:
        BrokenPipeError: if the reader at the other end has gone.
        InputError: if the stream cannot be written, such as to a disk that is full.
    """
    count = 0
    for result in results:
        rest = np.ascontiguousarray(result.map).data.cast("B")
        try:
            while rest:
                written = stream.write(rest)
                if written is None:  # a stream that does not wait, and whose reader is slower
                    select.select([], [stream], [])
                rest = rest[written or 0 :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise InputError(
                f"standard output: cannot be written after {count} maps ({error.strerror})"
            ) from error
        count += 1
    return count


def parse_size(text: str) -> tuple[int, int]:
    """Parse (width, height) from a text such as ``640x480``.

    Raises:
        InputError: if it is none, or a side is out of range.
    """
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (0 < width <= LARGEST and 0 < height <= LARGEST):
        raise InputError(
            f"size is {text!r}, expected WIDTHxHEIGHT such as 640x480, sides up to {LARGEST}"
        )
    return width, height


def _fill(stream: io.RawIOBase, buffer: memoryview) -> int:
    """Read until the buffer is full or the stream ends; return the bytes found."""
    found = 0
    while found < len(buffer):
        count = stream.readinto(buffer[found:])
        if count is None:  # a stream that does not wait, and whose writer is slower
            select.select([stream], [], [])
            continue
        if not count:
            break
        found += count
    return found
