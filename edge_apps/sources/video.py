"""Videos and USB cameras, read with OpenCV."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common.errors import InputError, MissingPackageError, SamnetError
from edge_apps.sources.containers import ends_in_zeros, is_cut
from edge_apps.sources.frames import Frame

SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mjpeg", ".mjpg", ".ts"}
)
"""What counts as a video, in lower case, where the content decides nothing."""

USUAL_RATE = 25.0
"""Frames a second of a video that does not say."""

FASTEST = 1000.0
"""A rate above this is a damaged header."""

LOOKED_AT = 60
"""Frames whose times are compared with the rate that a video claims."""

EVEN = 1.5
"""The longest of those times may be so much of the shortest where the rate is constant."""

ALIKE = 0.1
"""Times that differ by a smaller share are of one rate."""

MOST_FRAMES = 1e9
"""A count above this is a damaged header."""

LONGEST = 60.0
"""Seconds that a frame may last; a longer time is a clock that was set."""

SHORT = 0.9
"""A smaller share of the frames, in a file that ends in zeros, is one that breaks off."""

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
        total = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.total = int(total) if 0 < total < MOST_FRAMES else None
        self.rate = _rate(capture)
        capture.release()

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield all frames, upright and of one size.

        Raises:
            InputError: if there is none, or, after those before, if the file breaks off.
        """
        cv2 = opencv()
        capture = _open_video(self.path)
        clock = _Clock(1 / self.rate)
        count, size = 0, (0, 0)
        try:
            while not stop.is_set():
                start = time.monotonic()
                good, picture = capture.read()
                if not good:
                    break
                count += 1
                size = size if count > 1 else picture.shape[1::-1]
                if picture.shape[1::-1] != size:
                    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
                photo = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
                shown = clock.read(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
                now = time.monotonic()
                yield Frame(photo, f"{self.path.stem}_{count:06}", now - start, now, time=shown)
        finally:
            capture.release()
        if stop.is_set():
            return
        if not count:
            raise InputError(f"{self.path}: holds no readable frame; check it with a player")
        if is_cut(self.path) or self._falls_short(count):
            seen = f"{count} frame{'s'[: count != 1]}"
            if self.total is not None and self.total > count:
                seen = f"{count} of {self.total} frames"
            raise InputError(
                f"{self.path}: breaks off after {seen}; replace the file (what came before is kept)"
            )

    def _falls_short(self, count: int) -> bool:
        """Tell whether a file of full length holds nothing from some place on."""
        return self.total is not None and count < SHORT * self.total and ends_in_zeros(self.path)


class _Clock:
    """Makes the times of frames rise, whatever the file says.

    Args:
        step: seconds of a frame that does not say.
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._shift = 0.0
        self._last: float | None = None

    def read(self, seconds: float) -> float:
        """Return the time of the next frame, from 0 on."""
        if self._last is None:
            self._shift, self._last = -seconds, 0.0
            return 0.0
        passed = seconds + self._shift - self._last
        if not 0 < passed <= LONGEST:
            # Without a time of its own, or another clock: it follows at the usual distance.
            self._shift, passed = self._last + self._step - seconds, self._step
        self._last += passed
        return self._last


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
        """Yield frames until ``stop`` is set.

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
        """Wait for the camera and return it; None if ``stop`` was set before."""
        while not stop.wait(RETRY):
            capture = self._open()
            if capture is not None:
                return capture
        return None


def usb_camera(name: str, device: int, size: tuple[int, int]) -> Camera:
    """Open the camera ``/dev/videoN`` or, elsewhere than on Linux, the N-th one.

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
    """Import the module cv2, told to leave error messages to its callers.

    Raises:
        InputError: if it is not installed.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2
    except ImportError as error:
        raise MissingPackageError(
            "videos and USB cameras need OpenCV; pip install 'samnet[camera]'"
        ) from error
    return cv2


@contextlib.contextmanager
def plain_name(path: Path) -> Iterator[str]:
    """Return a name for OpenCV of a file that exists.

    It is absolute, since FFmpeg takes what stands before a colon for a protocol. OpenCV crashes on
    names that are no UTF-8 and gets a link's instead.
    """
    name = str(path.absolute())
    try:
        name.encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / f"video{path.suffix if path.suffix.isascii() else ''}"
            link.symlink_to(path.absolute())
            yield str(link)
        return
    yield name


def opens(path: Path, frames: int = 1) -> bool:
    """Tell whether OpenCV, if it is installed, reads so many frames of a file."""
    try:
        capture = _open_video(path)
    except SamnetError:
        return False
    try:
        return all(capture.grab() for _ in range(frames))
    finally:
        capture.release()


def _open_video(path: Path) -> Any:
    cv2 = opencv()
    if path.is_file() and _lists_files(path):
        raise InputError(f"{path}: a list of files, no video; give the files themselves")
    with plain_name(path) as name:
        for backend in cv2.videoio_registry.getStreamBackends():
            # Those that take a name for a camera, or for one of many pictures with numbers.
            if backend in (cv2.CAP_V4L2, cv2.CAP_IMAGES):
                continue
            capture = cv2.VideoCapture(name, backend)
            if capture.isOpened():
                return capture
            capture.release()
    raise InputError(f"{path}: not a readable video, or truncated; replace the file")


def _lists_files(path: Path) -> bool:
    """Tell whether FFmpeg would open other files that this one names."""
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return head.lstrip(b"\xef\xbb\xbf").startswith((b"ffconcat", b"#EXTM3U"))


def _rate(capture: Any) -> float:
    """Find the frames a second; of a variable rate, the highest that lasts for some frames.

    Headers give the finest step of the clock, up to a thousand a second, or the mean.
    """
    cv2 = opencv()
    claimed = float(capture.get(cv2.CAP_PROP_FPS))
    if not (math.isfinite(claimed) and 0 < claimed <= FASTEST):
        claimed = USUAL_RATE
    times: list[float] = []
    while len(times) < LOOKED_AT and capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    steps = sorted(b - a for a, b in itertools.pairwise(times) if 0 < b - a <= LONGEST)
    if len(steps) < max(2, len(times) // 2):
        return claimed
    usual = steps[len(steps) // 2]
    if steps[-1] <= EVEN * steps[0] and abs(usual * claimed - 1) < EVEN - 1:
        return claimed
    # Not the very shortest: a few frames of any camera come in a rush. The mean of those like it,
    # since many files round times to milliseconds.
    short = steps[len(steps) // 10]
    alike = [step for step in steps if abs(step - short) < ALIKE * short]
    return min(FASTEST, len(alike) / sum(alike))
