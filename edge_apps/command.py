"""What every command shares: a parser that refuses in one line, errors as an exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from edge_apps.errors import InputError


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals are an :class:`InputError` as any other wrong input."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see --help")


def finish(main: Callable[[], None]) -> NoReturn:
    """Runs ``main`` and ends the process.

    Status 0 when ``main`` returns, 2 with one line on standard error for wrong input, 130 when
    interrupted. Anything else is a defect and keeps its traceback.
    """
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)
