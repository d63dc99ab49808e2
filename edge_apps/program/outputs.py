"""Writes results to files: a picture for each photo and camera frame, a video for each video."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError, SamnetError
from common.files import replacing
from common.images.input_file import name_of
from common.images.photos import Bytes, write_image
from common.output_paths import check_targets
from edge_apps.program.drawing import ENDINGS, Show, display, draw
from edge_apps.program.pipeline import Result
from edge_apps.sources.animation import Animation
from edge_apps.sources.frames import Photos, Source
from edge_apps.sources.sound import add_sound
from edge_apps.sources.video import Video, opencv, plain_name

LEAST_FREE = 4096
"""Bytes; a disk with less takes no further part of a file."""

LOOK_EVERY = 50
"""Frames between two looks at the disk that a video is written to."""


@dataclasses.dataclass(frozen=True)
class Folder:
    """Where results go and how they look.

    A photo gives ``STEM_overlay.png``, ``STEM.png`` (the map) or ``STEM_cutout.png``, a video or
    animated picture ``STEM_overlay.mp4`` and so on, a camera a numbered picture for each frame.

    Args:
        path: the folder; made if it is missing.
        show: what is drawn.
        overwrite: replace files that exist.
    """

    path: Path
    show: Show
    overwrite: bool = False

    def check(self, sources: Sequence[Source]) -> None:
        """Check, before any work, whether all results can be written.

        Raises:
            InputError: if two would have one name, one would replace what is being read, or one
                exists and may not be overwritten.
        """
        pairs = [pair for source in sources for pair in self._targets(source)]
        check_targets(pairs, kind="file", overwrite=self.overwrite)

    def write(self, results: Iterable[Result], source: Source) -> Written:
        """Write the results of one source, as many as come.

        Raises:
            InputError: if a file cannot be written.
        """
        if isinstance(source, (Video, Animation)):
            return self._write_video(iter(results), source)
        count = 0
        for result in results:
            path = self.path / f"{result.frame.name}{ENDINGS[self.show]}.png"
            picture = draw(self.show, result.frame.photo, result.map)
            write_image(path, picture, overwrite=self.overwrite)
            count += 1
        return Written(count)

    def _targets(self, source: Source) -> list[tuple[Path, Path]]:
        """Name what is read, and the files that it becomes, as far as their names are known."""
        if isinstance(source, (Video, Animation)):
            return [(source.path, self._video_target(source))]
        if isinstance(source, Photos):
            ending = f"{ENDINGS[self.show]}.png"
            return [(path, self.path / f"{name_of(path)}{ending}") for path in source.paths]
        return []

    def _video_target(self, source: Video | Animation) -> Path:
        return self.path / f"{source.path.stem}_{self.show}.mp4"

    def _write_video(self, results: Iterator[Result], source: Video | Animation) -> Written:
        first = next(results, None)
        if first is None:
            return Written(0)
        count = 0
        target = self._video_target(source)
        with replacing(target, overwrite=self.overwrite) as temporary:
            with _video_writer(temporary, target, source.rate) as write:
                for result in itertools.chain([first], results):
                    picture = display(self.show, result.frame.photo, result.map)
                    write(picture, result.frame.time)
                    count += 1
                if isinstance(source, Animation) and count == source.total:
                    write.fill(source.duration)
            _check_video(temporary, target, write.count)
            note = ""
            if isinstance(source, Video):
                note = add_sound(temporary, source.path, write.count / source.rate)
        return Written(count, note)


@dataclasses.dataclass(frozen=True)
class Written:
    """What came of a source.

    Args:
        frames: how many.
        note: what the user should know of the files; often empty.
    """

    frames: int
    note: str = ""


class _Writer:
    """Writes frames of one size (H, W, 3) to a video of constant rate, opened by the first one.

    Every frame is written; one that lasts longer than others is repeated. Encoders want even
    sides, so an odd one gets its last row or column twice.

    Attributes:
        count: frames written, repeated ones included.
    """

    def __init__(self, name: str, target: Path, rate: float) -> None:
        self.name = name
        self.target = target
        self.rate = rate
        self.count = 0
        self.video: Any = None
        self._last: Bytes | None = None

    def __call__(self, picture: Bytes, time: float | None = None) -> None:
        """Write a frame whose time is so many seconds from the beginning."""
        if time is not None:
            self.fill(time)
        height, width = picture.shape[:2]
        if height % 2 or width % 2:
            picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
        self._last = np.ascontiguousarray(picture[..., ::-1])
        if self.video is None:
            cv2 = opencv()
            code = cv2.VideoWriter_fourcc(*"mp4v")
            self.video = cv2.VideoWriter(self.name, code, self.rate, picture.shape[1::-1])
        self._write()

    def fill(self, time: float) -> None:
        """Repeat the last frame until there are so many seconds."""
        while self._last is not None and self.count < round(time * self.rate):
            self._write()

    def _write(self) -> None:
        self.video.write(self._last)
        self.count += 1
        # The encoder tells nothing, and there may be hours to go.
        if self.count % LOOK_EVERY == 0 and _is_full(self.target):
            raise InputError(f"{self.target}: cannot be written ({os.strerror(errno.ENOSPC)})")


@contextlib.contextmanager
def _video_writer(path: Path, target: Path, rate: float) -> Iterator[_Writer]:
    with plain_name(path) as name:
        writer = _Writer(name, target, rate)
        try:
            yield writer
        finally:
            if writer.video is not None:
                writer.video.release()


def _check_video(written: Path, target: Path, count: int) -> None:
    """Ask the file itself: OpenCV reports no error of its encoder."""
    try:
        found = Video(written).total
    except SamnetError:
        found = 0
    if found != count:
        if _is_full(written):
            raise InputError(f"{target}: cannot be written ({os.strerror(errno.ENOSPC)})")
        raise InputError(
            f"{target}: could not be encoded, {found} of {count} frames are in it; "
            "check the free space, or convert the source with ffmpeg first"
        )


def _is_full(path: Path) -> bool:
    """Tell whether the disk of a file has no space left."""
    return shutil.disk_usage(path.parent).free < LEAST_FREE
