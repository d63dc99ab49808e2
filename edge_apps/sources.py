"""What the user names as a source: photos, folders, videos or a camera."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from edge_apps.errors import InputError
from edge_apps.frames import Photos, Source
from edge_apps.input_file import refuse_address
from edge_apps.photo_files import find_photos
from edge_apps.picamera import PiCamera
from edge_apps.video import SUFFIXES, Video, usb_camera

HELP = (
    "photos, folders of photos, videos (.mp4, .avi, .mkv …), or one camera: camera:0 or "
    "/dev/video0 for USB, picamera for the Raspberry Pi's own"
)

_CAMERA = re.compile(r"(?:camera:|/dev/video)(\d{1,4})")


def open_sources(given: Sequence[str], camera_size: tuple[int, int]) -> list[Source]:
    """The sources that the user named: all photos as one, then the videos; or one camera.

    Args:
        given: see :data:`HELP`.
        camera_size: (width, height) in pixels that a camera is asked for.

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
    videos = sorted({Path(name) for name in given if _is_video(Path(name))})
    photos = [name for name in given if not _is_video(Path(name))]
    sources: list[Source] = [Photos(find_photos(photos))] if photos or not videos else []
    return [*sources, *(Video(path) for path in videos)]


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.is_dir()
