"""What every command of the training side shares: options from a dataclass, errors as a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from common.cli import finish

Options = TypeVar("Options")


def run_command(
    options: type[Options], main: Callable[[Options], None], description: str
) -> NoReturn:
    """Parses the command line into ``options``, runs ``main`` and ends the process.

    The exit status is that of :func:`common.cli.finish`.

    Args:
        options: a dataclass; its fields become options, its attribute docstrings the help.
        main: does the work and prints.
        description: shown by ``--help``.
    """
    import tyro

    finish(lambda: main(tyro.cli(options, description=description)))
