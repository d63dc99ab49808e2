"""The program that every device runs: sources through the network, to files or to a screen."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.cli import Parser
from common.errors import InputError
from common.images.decoding import MEGAPIXELS
from common.progress import progress
from edge_apps.program.answers import STANDARD_OUTPUT, Answers
from edge_apps.program.drawing import SHOWS, Show
from edge_apps.program.outputs import Folder, Written
from edge_apps.program.pipeline import Pipeline, Result
from edge_apps.program.raw_pipe import parse_size
from edge_apps.runtime import Segmenter, load
from edge_apps.shipped import default_model, usable_models
from edge_apps.sources.frames import Playback, Source
from edge_apps.sources.messages import telling
from edge_apps.sources.selection import HELP, open_sources

ADDRESS = "127.0.0.1:8000"

OUTPUT = Path("saliency")
"""Folder for results where nothing else is asked for."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to run, on what, and where the results go; see the help for each."""

    sources: tuple[str, ...]
    model: Path | None = None
    threads: int | None = None
    show: Show = "overlay"
    output: Path | None = None
    window: bool = False
    preview: bool = False
    address: str = ADDRESS
    camera_size: str = "640x480"
    megapixels: float | None = None
    frames: int | None = None
    overwrite: bool = False
    refine: bool = True
    steady: bool | None = None
    json: str | None = None
    objects: int = 1


def add_network(parser: Parser) -> None:
    """Adds the options that choose and set up the network."""
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="artifact to run (.tflite; .pte where ExecuTorch is installed), whose name tells at "
        "how many pixels; default: the shipped int8 one",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="that the network may use; default: all cores"
    )


def add_source(parser: Parser, count: str) -> None:
    """Adds the sources and what they need; ``count`` as argparse's ``nargs``."""
    parser.add_argument("sources", nargs=count, metavar="SOURCE", help=HELP)
    parser.add_argument(
        "--camera-size",
        metavar="WxH",
        default=Options.camera_size,
        help="pixels that a camera is asked for; default: %(default)s",
    )
    parser.add_argument(
        "--megapixels",
        type=float,
        metavar="N",
        help=f"larger photos are read in reduced form, or refused; default: {MEGAPIXELS:g}",
    )


def add_last_steps(parser: Parser) -> None:
    """Adds whether maps follow the photos' edges, and are steadied."""
    parser.add_argument(
        "--no-refine",
        dest="refine",
        action="store_false",
        help="enlarge the network's map alone; by default it follows the edges of the photo",
    )
    parser.add_argument(
        "--steady",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="keep maps from flickering from frame to frame; default: for videos, animated "
        "pictures and cameras, not for photos and pipes, which may hold the frames of a video",
    )


def add_answers(parser: Parser) -> None:
    """Adds the lines for machines."""
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="write a line of JSON for each photo or frame, - for standard output: box, centroid, "
        "share of the area and confidence of what is salient; without --output, --window and "
        "--preview there are no pictures then",
    )
    parser.add_argument(
        "--objects",
        type=int,
        metavar="N",
        default=Options.objects,
        help="that a line tells of at most, those of the largest area times confidence; default: "
        '%(default)s; "found" says how many there are',
    )


def add_address(parser: Parser) -> None:
    """Adds where the preview is served."""
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        default=ADDRESS,
        help="where the preview is served; default: %(default)s, for this machine alone; any "
        "other, such as 0.0.0.0:8000, asks viewers for a token that is printed",
    )


def add_results(parser: Parser) -> None:
    """Adds what is done with the results."""
    parser.add_argument(
        "--show", choices=SHOWS, default=Options.show, help="what is drawn; default: %(default)s"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="write files: a PNG for a photo, an .mp4 for a video, numbered PNGs for a camera; "
        f"default for photos and videos: {OUTPUT}",
    )
    parser.add_argument("--window", action="store_true", help="show results in a window")
    parser.add_argument(
        "--preview", action="store_true", help="serve results as a web page; default for cameras"
    )
    add_address(parser)
    parser.add_argument(
        "--frames", type=int, metavar="N", help="with --output: end after N frames of a source"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    add_last_steps(parser)
    add_answers(parser)


def options_of(arguments: argparse.Namespace) -> Options:
    """The options on a command line."""
    values = vars(arguments)
    names = {field.name for field in dataclasses.fields(Options)} & values.keys()
    return Options(
        **{name: values[name] for name in names if name != "sources"}
        | {"sources": tuple(arguments.sources)}
    )


def run(options: Options) -> None:
    """Does what the options ask for and prints what came of it.

    Raises:
        InputError: for wrong input; results of what could be read are kept.
    """
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
    """Serves the web page.

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
    """The results of a source as far as it can be read, so that they and other sources' stay."""
    try:
        yield from results
    except InputError as error:
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
    """Prints a line, to standard error where standard output is for machines."""
    aside = answers is not None and answers.target == STANDARD_OUTPUT
    print(line, file=sys.stderr if aside else sys.stdout, flush=True)


def _screened(sources: Sequence[Source]) -> Source:
    """A camera as it is, anything else played over and over."""
    return sources[0] if sources[0].live else Playback(sources)
