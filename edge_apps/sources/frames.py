"""Frames, the interface of their sources, photos, and repeated playback."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from common.errors import InputError, SamnetError
from common.images.input_file import is_stream, name_of
from common.images.photos import Bytes, read_photo

SLIDES = 0.5
"""Photos a second where they are shown one after the other."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """One photo of a source.

    Args:
        photo: RGB, (H, W, 3) uint8.
        name: what files made from it are called, without a suffix.
        seconds: seconds that reading and decoding took, without the wait for a camera.
        taken: when it was there, on the clock of ``time.monotonic``.
        time: its place in a video, seconds from the beginning; None where it has none.
        file: file of a photo by itself; None for a moment of something that moves.
    """

    photo: Bytes
    name: str
    seconds: float
    taken: float
    time: float | None = None
    file: Path | None = None


class Source(Protocol):
    """Gives frames.

    Attributes:
        name: what it is called to the user.
        live: it goes on whether its frames are taken or not.
        rate: frames a second at which it is meant to be seen; 0 where a camera sets the pace.
        total: frames that it will give; None if that is unknown or without end.
        notice: what a user should know just now, such as a missing camera; often empty. Any
            thread may read it.
    """

    name: str
    live: bool
    rate: float
    total: int | None
    notice: str

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield frames until there are no more or ``stop`` is set.

        Only one thread may use the iterator.

        Raises:
            InputError: if the source cannot be used.
        """


class Photos:
    """Picture files; one that cannot be read does not stop the others.

    Args:
        paths: the files.
        megapixels: see :func:`common.images.decoding.open_picture`.
    """

    live = False
    rate = SLIDES
    notice = ""

    def __init__(self, paths: Sequence[Path], megapixels: float | None = None) -> None:
        self.paths = tuple(paths)
        self.megapixels = megapixels
        self.name = self.paths[0].name if len(self.paths) == 1 else f"{len(self.paths)} photos"
        self.total: int | None = len(self.paths)
        self._streams: dict[Path, Bytes] = {}  # which can be read but once

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield the photos that can be read.

        Raises:
            InputError: at the end, if some could not.
        """
        failures = []
        for path in self.paths:
            if stop.is_set():
                return
            start = time.monotonic()
            try:
                photo = self._read(path)
            except SamnetError as error:
                failures.append(str(error))
                continue
            now = time.monotonic()
            yield Frame(photo, name_of(path), now - start, now, file=path)
        if failures:
            raise InputError(
                f"{len(failures)} of {len(self.paths)} photos failed: {'; '.join(failures)}"
            )

    def _read(self, path: Path) -> Bytes:
        photo = self._streams.get(path)
        if photo is None:
            photo = read_photo(path, self.megapixels)
            if is_stream(path):
                self._streams[path] = photo
        return photo


class Playback:
    """Photos or videos at their own speed, over and over, as if from a camera.

    Args:
        sources: what is played, one after the other.
    """

    live = True
    rate = 0.0
    total: int | None = None

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = tuple(sources)
        self.name = ", ".join(source.name for source in sources)
        self.notice = ""

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield frames until ``stop`` is set.

        Raises:
            InputError: if a whole round gave no frame.
        """
        while not stop.is_set():
            count, failures = 0, []
            for source in self.sources:
                try:
                    for frame in _paced(source, stop):
                        count += 1
                        yield frame
                except SamnetError as error:
                    failures.append(str(error))
            self.notice = "; ".join(failures)
            if not count and not stop.is_set():
                raise InputError(self.notice or f"{self.name}: holds no frame")


def _paced(source: Source, stop: threading.Event) -> Iterator[Frame]:
    """Yield the frames of a source, none before its time; the last one has its time, too."""
    due, usual = time.monotonic(), 1 / source.rate
    before: float | None = None
    for count, frame in enumerate(source.frames(stop)):
        step = usual if count else 0.0
        if frame.time is not None and before is not None:
            step = frame.time - before
        before = frame.time
        # Time lost by a slow reader is not made up for by a rush of frames.
        due = max(due + step, time.monotonic())
        stop.wait(max(0.0, due - time.monotonic()))
        yield dataclasses.replace(frame, taken=time.monotonic())
    stop.wait(max(0.0, due + usual - time.monotonic()))
