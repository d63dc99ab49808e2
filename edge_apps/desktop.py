"""``python -m edge_apps.desktop SOURCE…``: what is salient, on a desktop or in a pipe."""

from __future__ import annotations

import contextlib

from common.cli import Parser, finish
from common.errors import InputError
from edge_apps.program.device_program import (
    Options,
    add_network,
    add_results,
    add_source,
    options_of,
    run,
)
from edge_apps.program.pipeline import Pipeline
from edge_apps.program.raw_pipe import parse_size, standard_input, standard_output, write_maps
from edge_apps.runtime import load
from edge_apps.shipped import default_model


def main() -> None:
    """Runs the command line.

    Raises:
        InputError: for wrong input.
    """
    parser = Parser(
        prog="python -m edge_apps.desktop",
        description="Finds what is salient in photos, videos, what a camera sees, or in raw "
        "frames of a pipe.",
    )
    add_source(parser, "*")
    add_network(parser)
    add_results(parser)
    parser.add_argument(
        "--pipe",
        metavar="WxH",
        help="instead of SOURCE: read RGB24 frames of this size from standard input and write "
        "maps, a byte a pixel, to standard output",
    )
    arguments = parser.parse_args()
    options = options_of(arguments)
    if arguments.pipe is not None:
        pipe(options, arguments.pipe)
    elif options.sources:
        run(options)
    else:
        raise InputError("no SOURCE given; name photos, a video or a camera, see --help")


def pipe(options: Options, size: str) -> None:
    """Frames of a size such as ``640x480`` on standard input become maps on standard output.

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


if __name__ == "__main__":
    finish(main)
