"""Videos and USB cameras, read with OpenCV."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edge_apps.errors import InputError
from edge_apps.frames import Frame

SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mjpeg", ".mjpg", ".ts"}
)
"""What counts as a video, in lower case."""

USUAL_RATE = 25.0
"""Frames a second of a video that does not say."""

FASTEST = 1000.0
"""A rate above this is a damaged header."""

RETRY = 1.0
"""Seconds between two attempts to find a camera again."""


class Video:
    """A video file.

    Args:
        path: the file.

    Raises:
        InputError: if it is missing, no video, or OpenCV is not installed.
    """

    live = False
    notice = ""

    def __init__(self, path: Path) -> None:
        cv2 = opencv()
        self.path = path
        self.name = path.name
        capture = _open_video(path)
        rate, total = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        self.rate = rate if math.isfinite(rate) and 0 < rate <= FASTEST else USUAL_RATE
        self.total = int(total) if math.isfinite(total) and total > 0 else None

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yields all frames, upright.

        Raises:
            InputError: if there is none.
        """
        cv2 = opencv()
        capture = _open_video(self.path)
        count = 0
        try:
            while not stop.is_set():
                start = time.monotonic()
                good, picture = capture.read()
                if not good:
                    break
                photo = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
                now = time.monotonic()
                count += 1
                yield Frame(photo, f"{self.path.stem}_{count:06}", now - start, now)
        finally:
            capture.release()
        if not count and not stop.is_set():
            raise InputError(f"{self.path}: holds no readable frame; check it with a player")


class Camera:
    """A USB camera; one that is unplugged is waited for.

    Args:
        name: what the user calls it, such as ``camera:0``.
        open_camera: opens it; None if it is not there.
    """

    live = True
    rate = 0.0
    total: int | None = None

    def __init__(self, name: str, open_camera: Callable[[], Any | None]) -> None:
        self.name = name
        self.notice = ""
        self._open = open_camera

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yields frames until ``stop`` is set.

        Raises:
            InputError: if the camera is not there to begin with.
        """
        cv2 = opencv()
        capture = self._open()
        if capture is None:
            raise InputError(
                f"{self.name}: no camera, or in use by another program; see ls /dev/video*"
            )
        count = 0
        try:
            while not stop.is_set():
                good = capture.grab()
                start = time.monotonic()
                if good:
                    good, picture = capture.retrieve()
                if not good:
                    capture.release()
                    self.notice = f"{self.name} is disconnected; waiting for it"
                    capture = self._wait(stop)
                    if capture is None:
                        return
                    self.notice = ""
                    continue
                photo = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
                count += 1
                yield Frame(photo, f"camera_{count:06}", time.monotonic() - start, start)
        finally:
            if capture is not None:
                capture.release()

    def _wait(self, stop: threading.Event) -> Any | None:
        """The camera once it is there again; None if ``stop`` was set before."""
        while not stop.wait(RETRY):
            capture = self._open()
            if capture is not None:
                return capture
        return None


def usb_camera(name: str, device: int, size: tuple[int, int]) -> Camera:
    """The camera ``/dev/videoN`` or, elsewhere than on Linux, the N-th one.

    Args:
        name: what the user calls it.
        device: N.
        size: (width, height) in pixels that it is asked for; many give the nearest they have.

    Raises:
        InputError: if OpenCV is not installed.
    """
    cv2 = opencv()

    def open_camera() -> Any | None:
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
        if not capture.isOpened():
            capture.release()
            return None
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        return capture

    return Camera(name, open_camera)


def opencv() -> Any:
    """The module cv2, told to leave error messages to its callers.

    Raises:
        InputError: if it is not installed.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2
    except ImportError as error:
        raise InputError(
            "videos and USB cameras need OpenCV; pip install 'samnet[camera]'"
        ) from error
    return cv2


def _open_video(path: Path) -> Any:
    capture = opencv().VideoCapture(str(path))
    if not capture.isOpened():
        capture.release()
        raise InputError(f"{path}: not a readable video, or truncated; replace the file")
    return capture
