"""Capture, inference and what is done with the maps, each in a thread of its own."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Generator

from common.images.photos import Bytes, resize_photo
from edge_apps.maps.raw_map import RawMap
from edge_apps.maps.refinement import Refinement, refinement_of
from edge_apps.program.frame_queue import Channel
from edge_apps.runtime import Segmenter
from edge_apps.sources.frames import Frame, Source

PATIENCE = 3.0
"""Seconds that the end waits for a stage, which a camera that hangs may hold up."""


@dataclasses.dataclass(frozen=True)
class Result:
    """A frame and its map.

    Args:
        frame: the photo.
        raw: what the network made of it.
        refinement: how maps of it follow the photo's edges, if they do.
        preprocessing: seconds that went into resizing the photo.
        inference: seconds that went into the network.
    """

    frame: Frame
    raw: RawMap
    refinement: Refinement | None
    preprocessing: float
    inference: float

    @property
    def map(self) -> Bytes:
        """The map at the photo's size, (H, W) uint8, 255 is salient."""
        return self.map_of(self.frame.photo)

    def map_of(self, photo: Bytes) -> Bytes:
        """The map of the photo at another size, (H, W, 3) to (H, W) uint8, 255 is salient."""
        return self.raw.at(photo, self.refinement)


class Pipeline:
    """Runs a source through a network while the caller works on earlier results.

    Never more than a handful of frames are held. Of a live source the newest frame wins: what
    the network has no time for is dropped. Of any other source every frame comes out, in order.

    Args:
        source: gives the frames; only the capturing thread touches it.
        segmenter: the network; may be replaced while the pipeline runs.
        refine: whether maps follow the photos' edges.
    """

    def __init__(self, source: Source, segmenter: Segmenter, *, refine: bool = True) -> None:
        self._refinement = refinement_of(refine)
        self.source = source
        self.segmenter = segmenter
        self._stop = threading.Event()
        self._captured = Channel[Frame](newest=source.live)
        self._mapped = Channel[Result]()
        self._failure: BaseException | None = None

    @property
    def dropped(self) -> int:
        """Frames for which the network had no time."""
        return self._captured.dropped

    def results(self) -> Generator[Result, None, None]:
        """Yields a result for each frame until the source ends or :meth:`stop` is called.

        May be called once. Leaving the iterator early, by ``close()``, stops the threads.

        Raises:
            InputError: from the source, after the results of all frames that it gave.
        """
        stages = (self._capture, self._captured), (self._infer, self._mapped)
        threads = [
            threading.Thread(target=self._run, args=stage, daemon=True, name=stage[0].__name__)
            for stage in stages
        ]
        for thread in threads:
            thread.start()
        try:
            yield from self._mapped
        finally:
            self.stop()
            for thread in threads:
                thread.join(PATIENCE)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Ends the pipeline from any thread."""
        self._stop.set()
        self._captured.close()
        self._mapped.close()

    def _run(self, work: Callable[[], None], channel: Channel[Frame] | Channel[Result]) -> None:
        try:
            work()
        except BaseException as error:
            self._failure = self._failure or error
        finally:
            channel.close()

    def _capture(self) -> None:
        for frame in self.source.frames(self._stop):
            if not self._captured.put(frame):
                return

    def _infer(self) -> None:
        for frame in self._captured:
            segmenter = self.segmenter
            start = time.monotonic()
            photo = resize_photo(frame.photo, (segmenter.size, segmenter.size))
            resized = time.monotonic()
            raw = RawMap(segmenter.run(photo), segmenter.coding, photo)
            done = time.monotonic()
            result = Result(frame, raw, self._refinement, resized - start, done - resized)
            if not self._mapped.put(result):
                return
