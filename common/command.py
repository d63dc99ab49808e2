"""A command of this project: its options and what it does with them."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from common.arguments import add_fields, options_of
from common.cli import Parser, finish

Options = TypeVar("Options")


@dataclasses.dataclass(frozen=True)
class Command:
    """What a module lets users run.

    Args:
        description: one sentence on what it does.
        add: adds the options to a parser.
        main: does the work and prints.
    """

    description: str
    add: Callable[[Parser], None]
    main: Callable[[Parser, argparse.Namespace], None]

    @classmethod
    def of(
        cls, options: type[Options], main: Callable[[Options], None], description: str
    ) -> Command:
        """Make a command whose options are the fields of a dataclass.

        Args:
            options: a dataclass, see :mod:`common.arguments`.
            main: does the work and prints.
            description: one sentence on what it does.
        """

        def work(parser: Parser, arguments: argparse.Namespace) -> None:
            main(options_of(options, parser, arguments))

        return cls(description, lambda parser: add_fields(parser, options), work)

    def parser(self, name: str | None = None) -> Parser:
        """Build what reads the command line; ``name`` is what users typed to get here."""
        parser = Parser(prog=name or program(), description=self.description)
        self.add(parser)
        return parser

    def run(self, arguments: Sequence[str] | None = None, name: str | None = None) -> NoReturn:
        """Run the command and end the process with the status of :func:`common.cli.finish`.

        Args:
            arguments: that follow the command's name; those of this process if None.
            name: what users typed to get here, where that is not the name of the process.
        """
        finish(lambda: self.start(arguments, name))

    def start(self, arguments: Sequence[str] | None = None, name: str | None = None) -> None:
        """Run the command within a process that goes on; arguments are those of :meth:`run`.

        Raises:
            InputError: for wrong input.
        """
        parser = self.parser(name)
        self.main(parser, parser.parse_intermixed_args(arguments))


def program() -> str:
    """Return what users typed to start this process, without arguments."""
    spec: Any = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        return sys.argv[0].rpartition("/")[2]
    return f"python -m {spec.name.removesuffix('.__main__')}"
