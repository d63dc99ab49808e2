"""Opens the sources that a user names: photos, folders, videos or a camera."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from common.containers import PICTURES, kind_of
from common.errors import InputError
from common.images.input_file import refuse_address
from common.images.photo_files import find_photos
from edge_apps.sources.animation import Animation, picture_kind
from edge_apps.sources.frames import Photos, Source
from edge_apps.sources.picamera import PiCamera
from edge_apps.sources.video import SUFFIXES, Video, opens, usb_camera

_CAMERA = re.compile(r"(?:camera:|/dev/video)(\d{1,4})")


def open_sources(
    given: Sequence[str], camera_size: tuple[int, int], megapixels: float | None = None
) -> list[Source]:
    """Open the sources that the user named: photos as one, then what moves; or one camera.

    What a file is, its content tells. Animated pictures are taken frame by frame, as videos are.

    Args:
        given: paths of photos, folders, videos and animated pictures, or one camera: ``camera:0``,
            ``/dev/video0`` or ``picamera``.
        camera_size: (width, height) in pixels that a camera is asked for.
        megapixels: megapixels of the largest photo that is read whole; None for the usual limit.

    Raises:
        InputError: if one is missing or cannot be used, or a camera is named beside others.
    """
    for name in given:
        refuse_address(name)
    cameras = [name for name in given if name == "picamera" or _CAMERA.fullmatch(name)]
    if cameras and len(given) > 1:
        raise InputError(
            f"{cameras[0]}: a camera runs alone, found {len(given)} sources; give it by itself"
        )
    if cameras:
        match = _CAMERA.fullmatch(cameras[0])
        if match is None:
            return [PiCamera(camera_size)]
        return [usb_camera(cameras[0], int(match[1]), camera_size)]
    videos = {Path(name) for name in given if _is_video(Path(name))}
    named = [name for name in given if Path(name) not in videos]
    found = find_photos(named) if named or not videos else []
    animated = {path for path in found if path.is_file() and picture_kind(path) == "animated"}
    photos = [path for path in found if path not in animated]
    sources: list[Source] = [Photos(photos, megapixels)] if photos else []
    moving = sorted(videos | animated)
    return [*sources, *(Animation(it) if it in animated else Video(it) for it in moving)]


def _is_video(path: Path) -> bool:
    """Tell whether a file is a video by its content, or by its name where there is none."""
    named = path.suffix.lower() in SUFFIXES
    try:
        regular = path.is_file()
    except OSError:  # in a folder that may not be entered
        return False
    if not regular:
        return named and not path.is_dir()
    kind = picture_kind(path)
    if kind is not None:
        # A video may be JPEG pictures one after the other, which begins like a photo.
        return named and kind == "still" and opens(path, frames=2)
    container = kind_of(path)
    if container in PICTURES:
        return False
    return named or container is not None or opens(path)
