"""The console script ``samnet``: all commands of this project under one name."""

from __future__ import annotations

import sys
from typing import NoReturn

from common.subcommands import Subcommands
from common.version import __version__
from samnet.commands import ENTRIES

DESCRIPTION = (
    "Finds the salient objects of photos with networks small enough for a phone or a Raspberry "
    "Pi, and trains, quantizes, converts and measures them."
)


def main() -> NoReturn:
    """Run the command line."""
    Subcommands("samnet", DESCRIPTION, ENTRIES, __version__).run(sys.argv[1:])
