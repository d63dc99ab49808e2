"""A session of the preview: pictures of a running pipeline, and its figures."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from PIL import Image

from common.errors import InputError
from common.images.photos import Bytes, fitting, resize_photo
from edge_apps.program.device_health import Health, read_health
from edge_apps.program.drawing import Show, display
from edge_apps.program.pipeline import Pipeline, Result
from edge_apps.program.rates import Meter
from edge_apps.runtime import load

View = Show | Literal["photo"]

VIEWS: tuple[View, ...] = (*get_args(Show), "photo")

LIMIT = (720, 960)
"""Largest height and width in pixels of a picture on the page."""

QUALITY = 80
"""Of the JPEG pictures."""

HEALTH_EVERY = 2.0
"""Seconds between two looks at the machine."""


class Session:
    """A pipeline that is being watched.

    Args:
        pipeline: not yet started.
        model: the artifact that it runs.
        models: those that may be picked, beside ``model``.
        threads: number of threads that the network may use.
    """

    def __init__(
        self, pipeline: Pipeline, model: Path, models: list[Path], threads: int | None
    ) -> None:
        self.pipeline = pipeline
        self._threads = threads
        self._models = {path.name: path for path in (*models, model)}
        self._model = model.name
        # What it goes back to when the page's switch is turned on again.
        self._steadies = None if pipeline.steady is False else pipeline.steady
        self._meter = Meter()
        self._frames = 0
        self._health: Health | None = None
        self._health_due = 0.0

    def run(self, wanted: Callable[[], list[View]], publish: Callable[[View, bytes], None]) -> None:
        """Draw what is wanted of each result until the pipeline ends or :meth:`stop` is called.

        Args:
            wanted: the views that somebody watches just now.
            publish: takes a view and its picture as a JPEG file.

        Raises:
            InputError: from the source.
        """
        with contextlib.closing(self.pipeline.results()) as results:
            for result in results:
                times = {
                    "capture": result.frame.seconds,
                    "preprocessing": result.preprocessing,
                    "inference": result.inference,
                    "steadying": result.steadying,
                }
                times |= self._draw(result, wanted(), publish)
                self._frames += 1
                self._meter.add({**times, "delay": time.monotonic() - result.frame.taken})

    def stop(self) -> None:
        """End :meth:`run` from any thread."""
        self.pipeline.stop()

    def pick(self, name: str) -> None:
        """Go on with another artifact.

        Raises:
            InputError: if it is not one of those that may be picked, or cannot be loaded.
        """
        if name not in self._models:
            raise InputError(f"{name!r}: no such model, expected one of {', '.join(self._models)}")
        self.pipeline.segmenter = load(self._models[name], threads=self._threads)
        self._model = name

    def set_steady(self, on: bool) -> None:
        """Turn the filter against flicker on or off."""
        self.pipeline.steady = self._steadies if on else False

    def state(self) -> dict[str, Any]:
        """Return the figures of the last seconds, ready for JSON; times in milliseconds."""
        means = {name: 1000 * seconds for name, seconds in self._meter.means().items()}
        health = self._look()
        return {
            "source": self.pipeline.source.name,
            "notice": self.pipeline.source.notice,
            "model": self._model,
            "models": sorted(self._models),
            "size": self.pipeline.segmenter.size,
            "steady": self.pipeline.steady is not False,
            "fps": self._meter.rate(),
            "delay": means.pop("delay", None),
            "milliseconds": means,
            "frames": self._frames,
            "dropped": self.pipeline.dropped,
            "temperature": health.temperature,
            "throttling": health.throttling,
            "memory": health.memory,
        }

    def _draw(
        self, result: Result, views: list[View], publish: Callable[[View, bytes], None]
    ) -> dict[str, float]:
        """Publish the views of a result; return the seconds that each step took."""
        times = {"refinement": 0.0, "drawing": 0.0, "encoding": 0.0}
        if not views:
            return times
        start = time.monotonic()
        size = fitting(result.frame.photo.shape[:2], LIMIT)
        photo = resize_photo(result.frame.photo, size)
        saliency_map = result.map_of(photo)
        times["refinement"] = time.monotonic() - start
        for view in views:
            start = time.monotonic()
            picture = display(view, photo, saliency_map)
            drawn = time.monotonic()
            publish(view, encode_jpeg(picture))
            times["drawing"] += drawn - start
            times["encoding"] += time.monotonic() - drawn
        return times

    def _look(self) -> Health:
        now = time.monotonic()
        if self._health is None or now >= self._health_due:
            self._health = read_health()
            self._health_due = now + HEALTH_EVERY
        return self._health


def encode_jpeg(picture: Bytes) -> bytes:
    """Encode a picture (H, W, 3) uint8 as the JPEG file that the page shows."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
