"""``python -m edge_apps.raspberry_pi SOURCE…``: what is salient, on a Raspberry Pi."""

from __future__ import annotations

from common.cli import Parser, finish
from edge_apps.program.device_program import add_network, add_results, add_source, options_of, run


def main() -> None:
    """Runs the command line.

    Raises:
        InputError: for wrong input.
    """
    parser = Parser(
        prog="python -m edge_apps.raspberry_pi",
        description="Finds what is salient in photos, videos or what a camera sees. A camera's "
        "picture is served as a web page unless a window or files are asked for.",
    )
    add_source(parser, "+")
    add_network(parser)
    add_results(parser)
    run(options_of(parser.parse_args()))


if __name__ == "__main__":
    finish(main)
