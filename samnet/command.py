"""What every command of the training side shares: options from a dataclass, errors as a line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from edge_apps.errors import InputError

Options = TypeVar("Options")


def run_command(options: type[Options], main: Callable[[Options], None], description: str) -> None:
    """Parses the command line into ``options``, runs ``main`` and ends the process.

    Status 0 when ``main`` returns, 2 with one line on standard error for wrong input, 130 when
    interrupted. Anything else is a defect and keeps its traceback.

    Args:
        options: a dataclass; its fields become options, its attribute docstrings the help.
        main: does the work and prints.
        description: shown by ``--help``.
    """
    import tyro

    try:
        main(tyro.cli(options, description=description))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)
