"""From camera to picture, stage by stage: ``samnet bench stages [--json OUT]``.

A clip of JPEG pictures stands in for a camera, as USB cameras send them. Each frame goes through
the stages of the preview one after the other, in one thread. Times are those of the processor,
which other work on the machine hardly changes, and by the wall clock.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from common.arguments import MODEL, Argument
from common.command import Command
from common.errors import InputError
from common.images.photos import resize_photo
from common.output_paths import check_absent
from edge_apps.maps.raw_map import RawMap
from edge_apps.maps.refinement import Refinement
from edge_apps.maps.steadiness import SteadyFilter
from edge_apps.preview.session import encode_jpeg
from edge_apps.program.drawing import display
from edge_apps.program.raw_pipe import parse_size
from edge_apps.runtime import load
from edge_apps.shipped import default_model
from edge_apps.sources.video import Video, opencv

STAGES = (
    *("capture", "preprocessing", "inference", "steadying"),
    *("refinement", "drawing", "encoding"),
)

WARM_UP = 5
"""Frames before those that count."""

PROTOCOL = (
    "milliseconds of one thread: median and minimum of processor time, median of wall time; "
    "capture decodes JPEG pictures of a clip with OpenCV, which stand in for a USB camera"
)


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench stages``."""

    camera_size: Annotated[tuple[str, ...], Argument(metavar="WxH")] = ("640x480", "1280x720")
    """Pixels of the frames."""
    frames: int = 60
    """Timed frames of each size."""
    model: Annotated[Path, MODEL] = dataclasses.field(default_factory=default_model)
    """Artifact to run; the shipped int8 one by default."""
    json: Path | None = None
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


class Clocks:
    """Collects what stages take."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in STAGES}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as a stage of the next frame."""
        start = time.process_time(), time.perf_counter()
        yield
        spent = time.process_time() - start[0], time.perf_counter() - start[1]
        self.seconds[name].append(spent)

    def row(self) -> dict[str, dict[str, float]]:
        """Compute milliseconds by stage, without the first frames."""
        found = {}
        for name, seconds in self.seconds.items():
            processor, wall = 1000 * np.array(seconds[WARM_UP:]).T
            found[name] = {
                "median": round(float(np.median(processor)), 3),
                "minimum": round(float(processor.min()), 3),
                "wall": round(float(np.median(wall)), 3),
            }
        return found


def main(options: Options) -> None:
    """Measure, print a line a size and write the result file.

    Raises:
        InputError: for wrong input; nothing is written then.
    """
    from common.result_file import write_result
    from edge_apps.manifest import hashes

    if options.frames < 1:
        raise InputError(f"--frames is {options.frames}, expected at least 1")
    if options.json:
        check_absent(options.json, overwrite=options.overwrite)
    rows = []
    for size in map(parse_size, options.camera_size):
        stages = measure(size, options)
        total = sum(it["median"] for it in stages.values())
        rows.append({"size": list(size), "frames": options.frames, "ms": stages})
        told = ", ".join(f"{name} {it['median']:.1f}" for name, it in stages.items())
        print(f"{size[0]}x{size[1]}: {told} ms; {1000 / total:.1f} frames/s on one core")
    if options.json:
        result = {
            "protocol": {"times": PROTOCOL, "warm_up": WARM_UP},
            "model": options.model.name,
            "sizes": rows,
        }
        write_result(
            options.json,
            "stages",
            result,
            measured=hashes(options.model),
            threads=1,
            overwrite=options.overwrite,
        )


def measure(size: tuple[int, int], options: Options) -> dict[str, dict[str, Any]]:
    """Time the stages of frames of a size (width, height)."""
    opencv().setNumThreads(1)
    segmenter, steady, refinement = load(options.model, threads=1), SteadyFilter(), Refinement()
    clocks = Clocks()
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.avi", size, WARM_UP + options.frames)
        frames = Video(clip).frames(threading.Event())
        for _ in range(WARM_UP + options.frames):
            with clocks.stage("capture"):
                photo = next(frames).photo
            with clocks.stage("preprocessing"):
                small = resize_photo(photo, (segmenter.size, segmenter.size))
            with clocks.stage("inference"):
                raw = RawMap(segmenter.run(small), segmenter.coding, small)
            with clocks.stage("steadying"):
                raw = steady.steady(raw)
            with clocks.stage("refinement"):
                saliency_map = raw.at(photo, refinement)
            with clocks.stage("drawing"):
                picture = display("overlay", photo, saliency_map)
            with clocks.stage("encoding"):
                encode_jpeg(picture)
    return clocks.row()


def write_clip(path: Path, size: tuple[int, int], count: int) -> Path:
    """Write a video of an embedded photo, enlarged, that moves a little from frame to frame."""
    from samnet.data.embedded import embedded_photos

    cv2 = opencv()
    width, height = size
    if min(size) < 16:
        raise InputError(f"--camera-size has {width}x{height}, expected at least 16x16")
    photo = next(it.photo for it in embedded_photos() if it.name == "coffee")
    large = resize_photo(photo, (height + 16, width + 16))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, size)
    for k in range(count):
        shift = abs(k % 32 - 16)
        part = large[shift : shift + height, shift : shift + width, ::-1]
        writer.write(np.ascontiguousarray(part))
    writer.release()
    return path


COMMAND = Command.of(Options, main, "Times the way from camera to picture, stage by stage.")

if __name__ == "__main__":
    COMMAND.run()
