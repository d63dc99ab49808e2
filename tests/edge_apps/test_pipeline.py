"""The pipeline: order, the newest frame, errors, an early end, flat memory."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from common.errors import InputError
from edge_apps.program.frame_queue import CAPACITY, FrameQueue
from edge_apps.program.pipeline import Pipeline
from edge_apps.runtime import Segmenter
from edge_apps.sources.frames import Frame


class Numbers:
    """Gives frames whose pixels all have their number, at a rate, or until told to stop."""

    name = "numbers"
    rate = 0.0
    notice = ""

    def __init__(self, total: int | None, *, live: bool = False, error: str = "") -> None:
        self.total = total
        self.live = live
        self.error = error

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        for number in itertools.count() if self.total is None else range(self.total):
            if stop.is_set() or (self.live and stop.wait(0.001)):
                return
            photo = np.full((24, 20, 3), number % 256, np.uint8)
            yield Frame(photo, f"{number:06}", 0.001, time.monotonic())
        if self.error:
            raise InputError(self.error)


def test_every_frame_of_a_file_arrives_in_order(fake_segmenter: Segmenter) -> None:
    results = list(Pipeline(Numbers(300), fake_segmenter, refine=False).results())
    assert [int(result.frame.name) for result in results] == list(range(300))
    for number, result in enumerate(results):
        assert result.raw.map.shape == (16, 16) and result.map.shape == (24, 20)
        assert (result.map == number % 256).all()
        assert result.inference >= 0 and result.preprocessing >= 0


def test_of_a_camera_the_newest_frame_wins(fake_segmenter: Segmenter) -> None:
    pipeline = Pipeline(Numbers(None, live=True), fake_segmenter)
    with contextlib.closing(pipeline.results()) as results:
        seen = []
        for result in itertools.islice(results, 5):
            seen.append(int(result.frame.name))
            time.sleep(0.05)
    assert seen == sorted(seen) and seen[-1] > 20
    assert pipeline.dropped > 10


def test_results_that_came_before_an_error_are_kept(fake_segmenter: Segmenter) -> None:
    seen: list[int] = []
    results = Pipeline(Numbers(7, error="cable"), fake_segmenter).results()
    with pytest.raises(InputError, match="cable"):
        seen.extend(int(result.frame.name) for result in results)
    assert seen == list(range(7))


def test_a_defect_in_the_network_is_raised(fake_segmenter: Segmenter) -> None:
    class Broken:
        size = 16

        def run(self, photo: np.ndarray) -> np.ndarray:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(Pipeline(Numbers(None), Segmenter(Broken())).results())


def test_leaving_early_ends_the_threads(fake_segmenter: Segmenter) -> None:
    before = threading.active_count()
    with contextlib.closing(Pipeline(Numbers(None), fake_segmenter).results()) as results:
        next(results)
    assert threading.active_count() == before


def test_the_network_can_be_replaced_on_the_way(fake_segmenter: Segmenter) -> None:
    class Black:
        size = 8

        def run(self, photo: np.ndarray) -> np.ndarray:
            return np.zeros((8, 8), np.uint8)

    pipeline = Pipeline(Numbers(None), fake_segmenter)
    with contextlib.closing(pipeline.results()) as results:
        assert next(results).raw.map.shape == (16, 16)
        pipeline.segmenter = Segmenter(Black())
        assert any(result.raw.map.shape == (8, 8) for result in itertools.islice(results, 10))


@pytest.mark.parametrize("live", [False, True])
def test_memory_stays_flat(fake_segmenter: Segmenter, live: bool) -> None:
    count = 500 if live else 4000
    with contextlib.closing(Pipeline(Numbers(None, live=live), fake_segmenter).results()) as found:
        for _ in itertools.islice(found, 100):
            pass
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in itertools.islice(found, count):
                pass
            after = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    # A single frame has 1440 bytes; kept ones would add up to megabytes.
    assert after - before < 100_000


def test_a_full_channel_holds_its_writer_back() -> None:
    channel = FrameQueue[int]()
    for number in range(CAPACITY):
        assert channel.put(number)
    threading.Timer(0.05, channel.close).start()
    assert not channel.put(99)
    assert list(channel) == list(range(CAPACITY))
    assert not channel.put(100)
