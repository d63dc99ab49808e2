"""``python -m edge_apps.preview SOURCE…``: what is salient, live on a web page."""

from __future__ import annotations

from common.cli import Parser, finish
from edge_apps.program.device_program import (
    add_address,
    add_network,
    add_refinement,
    add_source,
    options_of,
    preview,
)
from edge_apps.program.raw_pipe import parse_size
from edge_apps.sources.selection import open_sources


def main() -> None:
    """Runs the command line.

    Raises:
        InputError: for wrong input.
    """
    parser = Parser(
        prog="python -m edge_apps.preview",
        description="Serves the live picture, map and cut-out of a camera as a web page, with "
        "frames per second, times and temperature; photos and videos are played over and over.",
    )
    add_source(parser, "+")
    add_network(parser)
    add_refinement(parser)
    add_address(parser)
    options = options_of(parser.parse_args())
    camera_size = parse_size(options.camera_size)
    preview(options, open_sources(options.sources, camera_size, options.megapixels))


if __name__ == "__main__":
    finish(main)
