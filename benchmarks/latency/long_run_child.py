"""Follows the memory of the preview in a process without torch, as a device runs it.

``python -m benchmarks.latency.long_run_child CLIP MODEL FRAMES EVERY`` prints a line
``FRAME MEGABYTES`` after every so many frames.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from edge_apps.preview.session import Session, View
from edge_apps.program.device_health import read_health
from edge_apps.program.pipeline import Pipeline
from edge_apps.runtime import load
from edge_apps.sources.frames import Frame, Source
from edge_apps.sources.video import Video


class Repeated:
    """A source over and over, as fast as its frames are taken.

    Args:
        source: what is repeated.
        count: frames after which it ends.
    """

    live = False
    notice = ""

    def __init__(self, source: Source, count: int) -> None:
        self.source = source
        self.name = source.name
        self.rate = source.rate
        self.total: int | None = count

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield frames until there were enough or ``stop`` is set."""
        rounds = (self.source.frames(stop) for _ in itertools.count())
        for frame in itertools.islice(itertools.chain.from_iterable(rounds), self.total):
            if stop.is_set():
                return
            yield frame


def follow(source: Source, model: Path, every: int, tell: Callable[[int, float], None]) -> None:
    """Run a source through the preview's session; every frame is drawn and encoded.

    Args:
        source: gives the frames.
        model: the network, on one thread.
        every: frames between two looks at the memory.
        tell: takes the frames so far and the resident memory in MB, 0 where it is not known.

    Raises:
        InputError: from the source.
    """
    seen = itertools.count(1)

    def publish(_: View, __: bytes) -> None:
        number = next(seen)
        if number % every == 0:
            tell(number, read_health().memory or 0.0)

    session = Session(Pipeline(source, load(model, threads=1)), model, [], 1)
    session.run(lambda: ["overlay"], publish)


def main() -> None:
    """Run the command line."""
    clip, model, count, every = sys.argv[1:]
    source = Repeated(Video(Path(clip)), int(count))
    follow(source, Path(model), int(every), lambda n, mb: print(n, mb, flush=True))
    assert "torch" not in sys.modules


if __name__ == "__main__":
    main()
