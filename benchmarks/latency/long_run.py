"""Memory of the preview over an hour's worth of frames, as fast as they come.

``samnet bench long-run [--frames 108000] --json OUT --plot PNG``

A clip is read over and over; every frame goes through the network, is drawn and encoded, as for a
viewer of the page. 108,000 frames are an hour at 30 a second.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np

from common.arguments import MODEL
from common.command import Command
from common.errors import InputError
from common.files import replacing
from common.output_paths import check_absent
from common.progress import progress
from edge_apps.shipped import default_model
from edge_apps.sources.video import opencv

ROOT = Path(__file__).resolve().parents[2]

CLIP = 300
"""Frames of the clip."""

SAMPLES = 216
"""Looks at the memory: one every 500 frames of an hour."""

SETTLED = 0.1
"""Share of the frames after which nothing is allocated for the first time any more."""


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench long-run``."""

    frames: int = 108_000
    """Number of frames."""
    model: Annotated[Path, MODEL] = dataclasses.field(default_factory=default_model)
    """The network."""
    clip_size: tuple[int, int] = (160, 120)
    """Width and height of the clip in pixels."""
    json: Path | None = None
    """Result file to write."""
    plot: Path | None = None
    """Picture of the curve to write, a PNG."""
    overwrite: bool = False
    """Replace files that exist."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """Resident memory over a run.

    Args:
        frames: at which it was looked at.
        megabytes: what it was then.
        seconds: that the run took.
    """

    frames: tuple[int, ...]
    megabytes: tuple[float, ...]
    seconds: float

    @property
    def growth(self) -> float:
        """Megabytes in 10,000 frames once it has settled, by least squares."""
        first = int(SETTLED * len(self.frames))
        x, y = np.array(self.frames[first:]) / 10_000, np.array(self.megabytes[first:])
        return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else 0.0


def main(options: Options) -> None:
    """Run the frames, print what came of it and write the files."""
    from common.result_file import write_result
    from edge_apps.manifest import hashes

    if options.frames < SAMPLES:
        raise InputError(f"--frames is {options.frames}, expected at least {SAMPLES}")
    for target in (options.json, options.plot):
        if target:
            check_absent(target, overwrite=options.overwrite)
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder) / "clip.mp4", options.clip_size)
        curve = follow(clip, options.model, options.frames)
    print(
        f"{options.frames} frames in {curve.seconds:.0f} s: {curve.megabytes[0]:.1f} MB at first, "
        f"{curve.megabytes[-1]:.1f} MB at last, at most {max(curve.megabytes):.1f} MB; "
        f"{curve.growth:+.3f} MB in 10,000 frames once settled"
    )
    if options.plot:
        plot(curve, options.plot, overwrite=options.overwrite)
    if options.json:
        result = {
            "model": options.model.name,
            "clip": {"width": options.clip_size[0], "height": options.clip_size[1], "frames": CLIP},
            **dataclasses.asdict(curve),
            "growth": curve.growth,
        }
        write_result(
            options.json,
            "long_run",
            result,
            measured=hashes(options.model),
            threads=1,
            overwrite=options.overwrite,
        )


def follow(clip: Path, model: Path, count: int) -> Curve:
    """Run a clip over and over in a process of its own, which loads no torch.

    Raises:
        InputError: if it fails, or the system does not tell a process's memory.
    """
    words = [clip, model.resolve(), count, max(1, count // SAMPLES)]
    command = [sys.executable, "-m", "benchmarks.latency.long_run_child", *map(str, words)]
    start = time.monotonic()
    frames: list[int] = []
    megabytes: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        for line in progress(child.stdout, min(count, SAMPLES), "looks at the memory"):
            number, memory = line.split()
            frames.append(int(number))
            megabytes.append(float(memory))
    if child.returncode or not frames:
        raise InputError(f"ended with status {child.returncode} after {len(frames)} looks")
    if not any(megabytes):
        raise InputError("this system does not tell a process's memory; run it on Linux")
    return Curve(tuple(frames), tuple(megabytes), time.monotonic() - start)


def make_clip(path: Path, size: tuple[int, int]) -> Path:
    """Write a window that moves over an embedded photo, ``size`` (width, height), as a video."""
    from samnet.data.embedded import embedded_photos

    cv2 = opencv()
    photo = next(it.photo for it in embedded_photos() if it.name == "coffee")
    height, width = photo.shape[:2]
    if size[0] > width or size[1] > height or min(size) < 16:
        raise InputError(f"--clip-size is {size}, expected 16 to {width} by 16 to {height}")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30, size)
    for k in range(CLIP):
        part = abs(CLIP // 2 - k) / (CLIP // 2)
        y, x = round(part * (height - size[1])), round(part * (width - size[0]))
        writer.write(np.ascontiguousarray(photo[y : y + size[1], x : x + size[0], ::-1]))
    writer.release()
    return path


def plot(curve: Curve, path: Path, *, overwrite: bool) -> None:
    """Draw the curve."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(np.array(curve.frames) / 1000, curve.megabytes, color="#d81e4a", linewidth=1.5)
    axes.set_ylim(0, 1.15 * max(curve.megabytes))
    axes.set_xlim(0, curve.frames[-1] / 1000)
    axes.set(xlabel="thousands of frames", ylabel="resident memory, MB")
    axes.grid(alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    with replacing(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, dpi=110)


COMMAND = Command.of(Options, main, "Memory of the preview over an hour's worth of frames.")

if __name__ == "__main__":
    COMMAND.run()
