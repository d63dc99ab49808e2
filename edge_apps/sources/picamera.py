"""The Raspberry Pi's own camera, read with picamera2."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from common.errors import InputError, MissingPackageError
from edge_apps.sources.frames import Frame


class PiCamera:
    """The camera at the Pi's ribbon cable.

    Args:
        size: (width, height) in pixels.
    """

    name = "picamera"
    live = True
    rate = 0.0
    total: int | None = None
    notice = ""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield frames until ``stop`` is set.

        Raises:
            InputError: if there is no camera, or picamera2 is not installed.
        """
        camera = self._open()
        count = 0
        try:
            while not stop.is_set():
                request = camera.capture_request()
                start = time.monotonic()
                try:
                    photo = request.make_array("main")
                finally:
                    # The camera has few buffers and stops without them.
                    request.release()
                count += 1
                yield Frame(photo, f"camera_{count:06}", time.monotonic() - start, start)
        finally:
            camera.close()

    def _open(self) -> Any:
        try:
            from picamera2 import Picamera2
        except ImportError as error:
            raise MissingPackageError(
                "picamera2 is not installed; sudo apt install python3-picamera2, and make the "
                "environment with python3 -m venv --system-site-packages"
            ) from error
        except ValueError as error:
            # NumPy's own words where a compiled module was built for another generation of it.
            if "numpy.dtype size changed" not in str(error):
                raise
            raise InputError(
                f"picamera2 was built for another NumPy than {np.__version__}; go back to the "
                "system's: pip uninstall numpy opencv-python-headless"
            ) from error
        try:
            camera = Picamera2()
            # libcamera names the order within a little-endian word: this is R, G, B in memory.
            main = {"size": self.size, "format": "BGR888"}
            camera.configure(camera.create_video_configuration(main=main))
            camera.start()
        except (IndexError, RuntimeError) as error:
            raise InputError(
                f"picamera: cannot be used ({error}); check its cable and rpicam-hello --list"
            ) from error
        return camera
