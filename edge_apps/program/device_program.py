"""The program that every device runs: sources through the network, to files or to a screen."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.cli import Parser
from common.errors import InputError
from common.images.decoding import MEGAPIXELS
from common.progress import progress
from edge_apps.program.drawing import SHOWS, Show
from edge_apps.program.outputs import Folder
from edge_apps.program.pipeline import Pipeline, Result
from edge_apps.program.raw_pipe import parse_size
from edge_apps.runtime import load
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


def add_refinement(parser: Parser) -> None:
    """Adds whether maps follow the photos' edges."""
    parser.add_argument(
        "--no-refine",
        dest="refine",
        action="store_false",
        help="enlarge the network's map alone; by default it follows the edges of the photo",
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
    add_refinement(parser)


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
    camera = any(source.live for source in sources)
    if options.preview or (camera and not options.window and options.output is None):
        preview(options, sources)
    elif options.window:
        from edge_apps.program.window import Window

        Window(_pipeline(options, _screened(sources)), options.show).run()
    else:
        _write(options, sources)


def preview(options: Options, sources: Sequence[Source]) -> None:
    """Serves the web page.

    Raises:
        InputError: for wrong input.
    """
    from edge_apps.preview.address import Address
    from edge_apps.preview.server import serve
    from edge_apps.preview.session import Session

    address = Address.parse(options.address)
    model = options.model or default_model()
    pipeline = _pipeline(options, _screened(sources))
    session = Session(pipeline, model, usable_models(), options.threads)
    with telling(pipeline.source):
        serve(session, address, lambda url: print(f"preview: {url}  (Ctrl-C ends it)", flush=True))


def _write(options: Options, sources: Sequence[Source]) -> None:
    folder = Folder(options.output or OUTPUT, options.show, options.overwrite)
    folder.check(sources)
    segmenter = load(options.model or default_model(), threads=options.threads)
    failures: list[str] = []
    for source in sources:
        pipeline = Pipeline(source, segmenter, refine=options.refine)
        with telling(source), contextlib.closing(pipeline.results()) as results:
            limited = itertools.islice(_until_failure(results, failures), options.frames)
            total = min(filter(None, (source.total, options.frames)), default=None)
            written = folder.write(progress(limited, total, source.name), source)
        if count := written.frames:
            frames = f"{count} frame{'s'[: count != 1]}"
            print(f"{source.name}: {options.show} of {frames} in {folder.path}")
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


def _pipeline(options: Options, source: Source) -> Pipeline:
    segmenter = load(options.model or default_model(), threads=options.threads)
    return Pipeline(source, segmenter, refine=options.refine)


def _screened(sources: Sequence[Source]) -> Source:
    """A camera as it is, anything else played over and over."""
    return sources[0] if sources[0].live else Playback(sources)
