"""The pipeline: capture, inference and output, each in a thread of its own."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Generator

from common.images.photos import Bytes, resize_photo
from edge_apps.maps.raw_map import RawMap
from edge_apps.maps.refinement import Refinement, refinement_of
from edge_apps.maps.steadiness import SteadyFilter
from edge_apps.program.frame_queue import FrameQueue
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
        steadying: seconds that went into the filter against flicker; 0 without it.
    """

    frame: Frame
    raw: RawMap
    refinement: Refinement | None
    preprocessing: float
    inference: float
    steadying: float = 0.0

    @property
    def map(self) -> Bytes:
        """The map at the photo's size, (H, W) uint8, 255 is salient."""
        return self.map_of(self.frame.photo)

    def map_of(self, photo: Bytes) -> Bytes:
        """Resize the photo's map, (H, W, 3) to (H, W) uint8, 255 is salient."""
        return self.raw.at(photo, self.refinement)


class Pipeline:
    """Runs a source through a network while the caller works on earlier results.

    Never more than a handful of frames are held. Of a live source the newest frame wins: what
    the network has no time for is dropped. Of any other source every frame comes out, in order.

    Args:
        source: gives the frames; only the capturing thread touches it.
        segmenter: the network; may be replaced while the pipeline runs.
        refine: whether maps follow the photos' edges.
        steady: whether maps are kept from flickering; None does it for all frames that are no
            photos by themselves. May be changed while the pipeline runs.
        tell: is given each result before the caller gets it, in the caller's thread.
    """

    def __init__(
        self,
        source: Source,
        segmenter: Segmenter,
        *,
        refine: bool = True,
        steady: bool | None = False,
        tell: Callable[[Result], None] | None = None,
    ) -> None:
        self._refinement = refinement_of(refine)
        self._steadier = _Steadier()
        self.source = source
        self.segmenter = segmenter
        self.steady = steady
        self._tell = tell
        self._stop = threading.Event()
        self._captured = FrameQueue[Frame](newest=source.live)
        self._mapped = FrameQueue[Result]()
        self._failure: BaseException | None = None

    @property
    def dropped(self) -> int:
        """Frames for which the network had no time."""
        return self._captured.dropped

    def results(self) -> Generator[Result, None, None]:
        """Yield a result for each frame until the source ends or :meth:`stop` is called.

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
            for result in self._mapped:
                if self._tell is not None:
                    self._tell(result)
                yield result
        finally:
            self.stop()
            for thread in threads:
                thread.join(PATIENCE)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the pipeline from any thread."""
        self._stop.set()
        self._captured.close()
        self._mapped.close()

    def _run(
        self, work: Callable[[], None], channel: FrameQueue[Frame] | FrameQueue[Result]
    ) -> None:
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
            inferred = time.monotonic()
            wanted = frame.file is None if self.steady is None else self.steady
            raw = self._steadier(raw, frame, segmenter, wanted=wanted)
            steadying = time.monotonic() - inferred
            result = Result(
                frame, raw, self._refinement, resized - start, inferred - resized, steadying
            )
            if not self._mapped.put(result):
                return


class _Steadier:
    """Steadies the maps of one source after the other, each from its own beginning."""

    def __init__(self) -> None:
        self._filter = SteadyFilter()
        self._segmenter: Segmenter | None = None
        self._before: Frame | None = None

    def __call__(self, raw: RawMap, frame: Frame, segmenter: Segmenter, *, wanted: bool) -> RawMap:
        before, self._before = self._before, frame if wanted else None
        known, self._segmenter = self._segmenter is segmenter, segmenter
        if not (wanted and known and before is not None and _follows(frame, before)):
            self._filter.reset()
        return self._filter.steady(raw) if wanted else raw


def _follows(frame: Frame, before: Frame) -> bool:
    """Tell whether a frame may be of the same source as the one before it, and comes later."""
    if frame.photo.shape != before.photo.shape or (frame.file is None) != (before.file is None):
        return False
    if frame.time is None or before.time is None:
        return frame.time is before.time
    return frame.time > before.time
