"""Results as files: a picture for each photo and camera frame, a video for each video."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_apps.drawing import ENDINGS, Show, display, draw
from edge_apps.errors import InputError
from edge_apps.files import replacing
from edge_apps.frames import Photos, Source
from edge_apps.input_file import name_of
from edge_apps.photos import Bytes, write_image
from edge_apps.pipeline import Result
from edge_apps.targets import check_targets
from edge_apps.video import SUFFIXES, Video, opencv


@dataclasses.dataclass(frozen=True)
class Folder:
    """Where results go and how they look.

    A photo gives ``STEM_overlay.png``, ``STEM.png`` (the map) or ``STEM_cutout.png``, a video
    ``STEM_overlay.mp4`` and so on, a camera a numbered picture for each frame.

    Args:
        path: the folder; made if it is missing.
        show: what is drawn.
        overwrite: replace files that exist.
    """

    path: Path
    show: Show
    overwrite: bool = False

    def check(self, sources: Sequence[Source]) -> None:
        """Looks, before any work, whether all results can be written.

        Raises:
            InputError: if two would have one name, one would replace what is being read, or one
                exists and may not be overwritten.
        """
        inputs = (path for source in sources for path in _files(source))
        pairs = ((path, self.target(path)) for path in inputs)
        check_targets(pairs, kind="file", overwrite=self.overwrite)

    def target(self, path: Path) -> Path:
        """The file that a photo or video becomes."""
        if path.suffix.lower() in SUFFIXES:
            return self.path / f"{path.stem}_{self.show}.mp4"
        return self.path / f"{name_of(path)}{ENDINGS[self.show]}.png"

    def write(self, results: Iterable[Result], source: Source) -> int:
        """Writes the results of one source; the number of frames.

        Raises:
            InputError: if a file cannot be written.
        """
        if isinstance(source, Video):
            return self._write_video(results, source)
        count = 0
        for result in results:
            path = self.path / f"{result.frame.name}{ENDINGS[self.show]}.png"
            picture = draw(self.show, result.frame.photo, result.map)
            write_image(path, picture, overwrite=self.overwrite)
            count += 1
        return count

    def _write_video(self, results: Iterable[Result], source: Video) -> int:
        count = 0
        target = self.target(source.path)
        with replacing(target, overwrite=self.overwrite) as temporary:
            with _video_writer(temporary, source.rate) as write:
                for result in results:
                    write(display(self.show, result.frame.photo, result.map))
                    count += 1
            _check_video(temporary, target, count)
        return count


class _Writer:
    """Writes frames of one size (H, W, 3) to a video, which is opened by the first of them."""

    def __init__(self, path: Path, rate: float) -> None:
        self.path = path
        self.rate = rate
        self.video: Any = None

    def __call__(self, picture: Bytes) -> None:
        cv2 = opencv()
        if self.video is None:
            height, width = picture.shape[:2]
            code = cv2.VideoWriter_fourcc(*"mp4v")
            self.video = cv2.VideoWriter(str(self.path), code, self.rate, (width, height))
        self.video.write(np.ascontiguousarray(picture[..., ::-1]))


@contextlib.contextmanager
def _video_writer(path: Path, rate: float) -> Iterator[_Writer]:
    writer = _Writer(path, rate)
    try:
        yield writer
    finally:
        if writer.video is not None:
            writer.video.release()


def _check_video(written: Path, target: Path, count: int) -> None:
    """OpenCV reports no error of its encoder, so the file itself is asked."""
    try:
        found = Video(written).total
    except InputError:
        found = 0
    if found != count:
        raise InputError(
            f"{target}: could not be encoded, {found} of {count} frames are in it; "
            "check the free space, or convert the source with ffmpeg first"
        )


def _files(source: Source) -> tuple[Path, ...]:
    if isinstance(source, Photos):
        return source.paths
    return (source.path,) if isinstance(source, Video) else ()
