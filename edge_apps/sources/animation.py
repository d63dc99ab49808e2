"""Animated pictures (GIF, APNG, WebP and others that Pillow reads) as frames."""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps

from common.errors import InputError, SamnetError
from common.images.photos import photo_of
from edge_apps.sources.containers import is_cut
from edge_apps.sources.frames import Frame

FORMATS = frozenset({"GIF", "PNG", "WEBP", "AVIF", "FLI"})
"""What Pillow calls the formats whose frames follow each other in time."""

SHORTEST = 0.01
"""Seconds up to which browsers take a frame's time for one that was not set …"""

UNSET = 0.1
"""… and show it for this long."""

FASTEST = 50.0
"""Frames a second of a video that is made of an animation, at most."""


class Animation:
    """An animated picture.

    Args:
        path: the file.

    Attributes:
        duration: seconds that all frames together are shown.

    Raises:
        InputError: if it cannot be read.
    """

    live = False
    notice = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        seconds = []
        try:
            for image in _frames(path):
                seconds.append(_seconds(image))
        except SamnetError:
            if not seconds:
                raise
        self.total: int | None = len(seconds)
        self.duration = sum(seconds)
        step = math.gcd(*(round(1000 * it) for it in seconds)) / 1000
        self.rate = min(FASTEST, 1 / step)

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield all frames.

        Raises:
            InputError: after those before, if the file breaks off.
        """
        count, passed = 0, 0.0
        images = _frames(self.path)
        while not stop.is_set():
            start = time.monotonic()
            image = next(images, None)
            if image is None:
                break
            photo = photo_of(ImageOps.exif_transpose(image))
            now = time.monotonic()
            count += 1
            name = f"{self.path.stem}_{count:06}"
            yield Frame(photo, name, now - start, now, time=passed)
            passed += _seconds(image)
        if not stop.is_set() and is_cut(self.path):
            raise _breaks_off(self.path, count)


def picture_kind(path: Path) -> Literal["still", "animated"] | None:
    """Name what a file is to Pillow, which looks at no more than its head; None of no picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                if image.format == "MPEG":  # Pillow knows a video's size, and nothing else
                    return None
                animated = image.format in FORMATS and getattr(image, "is_animated", False)
                return "animated" if animated else "still"
    except Image.DecompressionBombError:
        return "still"
    except Exception:
        # Pillow's decoders document none of the many kinds of error that files raise.
        return None


def _frames(path: Path) -> Iterator[Image.Image]:
    """Yield the frames, decoded."""
    count = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                # An APNG may begin with a picture for programs that know no animation.
                first = 1 if getattr(image, "default_image", False) else 0
                for number in range(first, getattr(image, "n_frames", 1)):
                    image.seek(number)
                    image.load()
                    count += 1
                    yield image
    except SamnetError:
        raise
    except Exception as error:
        if not count:
            raise InputError(
                f"{path}: not a readable animation, or truncated ({error}); replace the file"
            ) from error
        raise _breaks_off(path, count) from error


def _seconds(image: Image.Image) -> float:
    """Tell how long a frame is shown."""
    seconds = float(image.info.get("duration", 0)) / 1000
    return seconds if seconds > SHORTEST else UNSET


def _breaks_off(path: Path, count: int) -> InputError:
    return InputError(
        f"{path}: breaks off after {count} frame{'s'[: count != 1]}; replace the file (what came "
        "before is kept)"
    )
