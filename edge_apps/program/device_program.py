"""The program of desktop and Raspberry Pi: sources through the network to files or a screen."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from common.arguments import Argument
from common.command import Command
from common.errors import InputError, SamnetError
from common.progress import progress
from edge_apps.program.answers import STANDARD_OUTPUT, Answers
from edge_apps.program.drawing import Show
from edge_apps.program.outputs import Folder, Written
from edge_apps.program.pipeline import Pipeline, Result
from edge_apps.program.raw_pipe import parse_size, standard_input, standard_output, write_maps
from edge_apps.runtime import Segmenter, load
from edge_apps.shipped import default_model, usable_models
from edge_apps.sources.frames import Playback, Source
from edge_apps.sources.messages import telling
from edge_apps.sources.selection import open_sources

ADDRESS = "127.0.0.1:8000"

OUTPUT = Path("saliency")
"""Folder for results where nothing else is asked for."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to run, on what, and where the results go."""

    sources: Annotated[tuple[str, ...], Argument(positional=True, metavar="SOURCE")] = ()
    """Photos, folders of photos, videos (all that OpenCV reads), animated pictures, or one camera:
    camera:0 or /dev/video0 for USB, picamera for the Raspberry Pi's own."""
    model: Path | None = None
    """Artifact to run (.tflite; .pte where ExecuTorch is installed), whose name tells at how many
    pixels; the shipped int8 one by default."""
    threads: int | None = None
    """Threads that the network may use; all cores by default."""
    show: Show = "overlay"
    """What is drawn."""
    output: Annotated[Path | None, Argument(metavar="DIR")] = None
    """Folder for files: a PNG for a photo, an .mp4 for a video, numbered PNGs for a camera. By
    default photos and videos go to saliency/."""
    window: bool = False
    """Show results in a window."""
    preview: bool = False
    """Serve results as a live web page, with frames per second, times and temperature; default for
    cameras. Photos and videos are played over and over."""
    address: Annotated[str, Argument(metavar="HOST:PORT")] = ADDRESS
    """Where the preview is served: 127.0.0.1:8000 by default, for this machine alone; any other
    address, such as 0.0.0.0:8000, asks viewers for a token that is printed."""
    camera_size: Annotated[str, Argument(metavar="WxH")] = "640x480"
    """Pixels that a camera is asked for."""
    pipe: Annotated[str | None, Argument(metavar="WxH")] = None
    """Instead of SOURCE: read RGB24 frames of this size from standard input and write maps, a byte
    a pixel, to standard output."""
    megapixels: float | None = None
    """Larger photos are read in reduced form, or refused; 180 by default."""
    frames: int | None = None
    """With --output: end after so many frames of a source."""
    overwrite: bool = False
    """Replace files that exist."""
    refine: bool = True
    """Have maps follow the photos' edges; otherwise they are enlarged alone."""
    steady: bool | None = None
    """Keep maps from flickering from frame to frame. By default those of videos, animated pictures
    and cameras are steadied, not those of photos and pipes, which may hold the frames of a
    video."""
    json: Annotated[str | None, Argument(metavar="FILE")] = None
    """File for a line of JSON for each photo or frame, - for standard output: box, centroid, share
    of the area and confidence of what is salient; without --output, --window and --preview there
    are no pictures then."""
    objects: int = 1
    """Objects that such a line tells of at most, those of the largest area times confidence;
    "found" says how many there are."""


def run(options: Options) -> None:
    """Do what the options ask for and print what came of it.

    Raises:
        InputError: for wrong input; results of what could be read are kept.
    """
    if options.pipe is not None:
        pipe(options, options.pipe)
        return
    if not options.sources:
        raise InputError("no SOURCE given; name photos, a video or a camera, see --help")
    if sum((options.output is not None, options.window, options.preview)) > 1:
        raise InputError("--output, --window and --preview exclude each other; choose one")
    if options.frames is not None and options.frames < 1:
        raise InputError(f"--frames is {options.frames}, expected at least 1")
    sources = open_sources(options.sources, parse_size(options.camera_size), options.megapixels)
    with _answers(options) as answers:
        camera = any(source.live for source in sources)
        shown = options.window or options.output is not None or answers is not None
        if options.preview or (camera and not shown):
            preview(options, sources, answers)
        elif options.window:
            from edge_apps.program.window import Window

            Window(_pipeline(options, _screened(sources), answers), options.show).run()
        else:
            _write(options, sources, answers)


def _answers(options: Options) -> contextlib.AbstractContextManager[Answers | None]:
    if options.json is None:
        if options.objects != Options.objects:
            raise InputError("--objects goes with --json; name a file for the lines, or -")
        return contextlib.nullcontext()
    return Answers(options.json, options.objects, overwrite=options.overwrite)


def preview(options: Options, sources: Sequence[Source], answers: Answers | None = None) -> None:
    """Serve the web page.

    Raises:
        InputError: for wrong input.
    """
    from edge_apps.preview.address import Address
    from edge_apps.preview.server import serve
    from edge_apps.preview.session import Session

    address = Address.parse(options.address)
    model = options.model or default_model()
    pipeline = _pipeline(options, _screened(sources), answers)
    session = Session(pipeline, model, usable_models(), options.threads)
    with telling(pipeline.source):
        serve(session, address, lambda url: _print(f"preview: {url}  (Ctrl-C ends it)", answers))


def pipe(options: Options, size: str) -> None:
    """Turn frames of a size such as ``640x480`` on standard input into maps on standard output.

    Raises:
        InputError: for wrong input.
    """
    if options.sources or options.output or options.window or options.preview or options.json:
        raise InputError(
            "--pipe takes no SOURCE, --output, --window, --preview or --json; leave them out"
        )
    source = standard_input(parse_size(size))
    stream = standard_output()
    segmenter = load(options.model or default_model(), threads=options.threads)
    pipeline = Pipeline(source, segmenter, refine=options.refine, steady=bool(options.steady))
    with stream, contextlib.closing(pipeline.results()) as results:
        write_maps(results, stream)


def _write(options: Options, sources: Sequence[Source], answers: Answers | None) -> None:
    folder = None
    if answers is None or options.output is not None:
        folder = Folder(options.output or OUTPUT, options.show, options.overwrite)
        folder.check(sources)
    segmenter = load(options.model or default_model(), threads=options.threads)
    failures: list[str] = []
    for source in sources:
        pipeline = _piped(options, source, segmenter, answers)
        with telling(source), contextlib.closing(pipeline.results()) as results:
            limited = itertools.islice(_until_failure(results, failures), options.frames)
            total = min(filter(None, (source.total, options.frames)), default=None)
            shown = progress(limited, total, source.name)
            if folder is None:
                written = Written(sum(1 for _ in shown))
            else:
                written = folder.write(shown, source)
        if count := written.frames:
            frames = f"{count} frame{'s'[: count != 1]}"
            what = "lines" if folder is None else options.show
            where = options.json if folder is None else folder.path
            _print(f"{source.name}: {what} of {frames} in {where}", answers)
        if written.note:
            print(f"{source.name}: {written.note}", file=sys.stderr)
    if failures:
        raise InputError("; ".join(failures))


def _until_failure(results: Iterator[Result], failures: list[str]) -> Iterator[Result]:
    """Yield the results of a source as far as it can be read, so that others' stay."""
    try:
        yield from results
    except SamnetError as error:
        failures.append(str(error))


def _pipeline(options: Options, source: Source, answers: Answers | None) -> Pipeline:
    segmenter = load(options.model or default_model(), threads=options.threads)
    return _piped(options, source, segmenter, answers)


def _piped(
    options: Options, source: Source, segmenter: Segmenter, answers: Answers | None
) -> Pipeline:
    tell = None if answers is None else functools.partial(answers.tell, source.name)
    return Pipeline(source, segmenter, refine=options.refine, steady=options.steady, tell=tell)


def _print(line: str, answers: Answers | None) -> None:
    """Print a line, to standard error where standard output is for machines."""
    aside = answers is not None and answers.target == STANDARD_OUTPUT
    print(line, file=sys.stderr if aside else sys.stdout, flush=True)


def _screened(sources: Sequence[Source]) -> Source:
    """Leave a camera as it is and play anything else over and over."""
    return sources[0] if sources[0].live else Playback(sources)


COMMAND = Command.of(
    Options, run, "Finds what is salient in photos, videos, what a camera sees, or raw frames."
)

PREVIEW = Command.of(
    Options,
    lambda options: run(dataclasses.replace(options, preview=True)),
    "Serves what is salient in a camera's picture, in photos or videos as a live web page.",
)
