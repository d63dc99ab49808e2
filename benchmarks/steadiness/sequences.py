"""Sequences of frames to measure on: folders of pictures, with or without masks, and videos."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

from common.errors import InputError
from common.images.photo_files import SUFFIXES
from common.images.photos import Bytes, read_map, read_photo
from edge_apps.sources.video import Video
from samnet.data.folders import by_stem

Moment = tuple[Bytes, Bytes | None]
"""A frame (H, W, 3) uint8 and its mask (H, W) uint8, if it has one."""


@dataclasses.dataclass(frozen=True)
class Sequence:
    """Frames of one size in their order.

    Args:
        name: for tables.
        files: the frames with the masks that there are; none of a video.
        video: the file that the frames are in; None of a folder.
    """

    name: str
    files: tuple[tuple[Path, Path | None], ...] = ()
    video: Path | None = None

    def moments(self) -> Iterator[Moment]:
        """Yield the frames with their masks.

        Raises:
            InputError: if a file cannot be read, frames differ in size, or a mask is of another
                size than its frame.
        """
        size: tuple[int, ...] | None = None
        for name, photo, mask in self._read():
            size = size or photo.shape[:2]
            _check_size(name, "frame", photo, size)
            if mask is not None:
                _check_size(name, "mask", mask, size)
            yield photo, mask

    def _read(self) -> Iterator[tuple[str, Bytes, Bytes | None]]:
        if self.video is not None:
            for frame in Video(self.video).frames(threading.Event()):
                yield frame.name, frame.photo, None
        for photo, mask in self.files:
            yield str(photo), read_photo(photo), read_map(mask) if mask else None


def open_sequences(given: str) -> list[Sequence]:
    """Open the sequences that a text names.

    Args:
        given: a video; ``FRAMES`` or ``FRAMES:MASKS``, folders of pictures whose masks have the
            same stems; or two such folders with a subfolder for each sequence.

    Raises:
        InputError: if there is no such thing, or a sequence has fewer than two frames.
    """
    place, _, truth = (given, "", "") if Path(given).exists() else given.partition(":")
    frames, masks = Path(place), Path(truth) if truth else None
    if frames.is_file() and masks is None:
        return [Sequence(frames.stem, video=frames)]
    for folder in filter(None, (frames, masks)):
        if not folder.is_dir():
            raise InputError(
                f"{folder}: no such folder or video; give VIDEO, FRAMES or FRAMES:MASKS"
            )
    folders = sorted(path for path in frames.iterdir() if path.is_dir())
    found = [
        _of_folder(folder, masks and masks / folder.name)
        for folder in ([] if by_stem(frames, SUFFIXES) else folders)
    ]
    return found or [_of_folder(frames, masks)]


def _check_size(name: str, kind: str, picture: Bytes, size: tuple[int, ...]) -> None:
    if picture.shape[:2] != size:
        height, width = picture.shape[:2]
        raise InputError(
            f"{name}: {kind} of {width}x{height} pixels, expected {size[1]}x{size[0]} as the "
            "first frame of the sequence"
        )


def _of_folder(frames: Path, masks: Path | None) -> Sequence:
    photos = by_stem(frames, SUFFIXES)
    truths = by_stem(masks, SUFFIXES) if masks and masks.is_dir() else {}
    if len(photos) < 2:
        raise InputError(f"{frames}: {len(photos)} frames, expected a folder of at least 2")
    if masks and not photos.keys() & truths.keys():
        raise InputError(
            f"{frames}: no frame has a mask of its stem in {masks}; leave out the masks to "
            "measure flicker alone"
        )
    return Sequence(frames.name, tuple((photos[stem], truths.get(stem)) for stem in sorted(photos)))
