"""Commands under one name, as ``samnet convert tflite``; each is loaded when it is asked for."""

from __future__ import annotations

import dataclasses
import importlib
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from common.cli import WIDTH, finish
from common.command import Command
from common.errors import InputError
from common.suggestions import suggestion

HELP = ("-h", "--help")


@dataclasses.dataclass(frozen=True)
class Entry:
    """A command that has not been loaded.

    Args:
        name: one or two words, such as ``convert tflite``.
        module: that holds it; a package's is its ``__main__``.
        summary: what it does, one sentence.
        group: heading of the list that it stands in.
        example: what may follow its name.
        needs: extras of ``setup.cfg`` without which it cannot run.
        variants: what else it can do with other extras in their place.
        attribute: the command's name in the module.
    """

    name: str
    module: str
    summary: str
    group: str = "commands"
    example: str = ""
    needs: tuple[str, ...] = ()
    variants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    attribute: str = "COMMAND"

    def load(self, program: str) -> Command:
        """Import the command.

        Args:
            program: what starts it, for errors.

        Raises:
            InputError: if a package that it needs is not installed.
        """
        try:
            found: Command = getattr(importlib.import_module(self.module), self.attribute)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if not self.needs or missing == self.module.partition(".")[0]:
                raise
            raise InputError(
                f"{program} {self.name} needs {missing}, which is not installed; "
                f"pip install 'samnet[{','.join(self.needs)}]'"
            ) from error
        return found


@dataclasses.dataclass(frozen=True)
class Subcommands:
    """The commands of a program.

    Args:
        program: its name.
        description: what it is for.
        entries: its commands, in the order of the list.
        version: version of the program, where it says one.
    """

    program: str
    description: str
    entries: tuple[Entry, ...]
    version: str = ""

    def run(self, arguments: Sequence[str]) -> NoReturn:
        """Run the command that the arguments name, or lists the commands there are.

        Ends the process as :func:`common.cli.finish` does, with status 2 and one line where there
        is no such command.
        """
        finish(lambda: self.start(arguments))

    def start(self, arguments: Sequence[str]) -> None:
        """Do likewise, within a process that goes on.

        Raises:
            InputError: for wrong input.
        """
        words = list(arguments)
        if words == ["--version"] and self.version:
            print(f"{self.program} {self.version}")
            return
        group = f"{words[0]} " if words and self._within(f"{words[0]} ") else ""
        rest = words[1:] if group else words
        if not rest or rest[0] in HELP:
            print(self.listing(group))
            return
        entry = next((it for it in self.entries if it.name == group + rest[0]), None)
        if entry is None:
            raise InputError(self._unknown(group, rest[0]))
        entry.load(self.program).start(rest[1:], f"{self.program} {entry.name}")

    def listing(self, group: str = "") -> str:
        """Write what ``--help`` shows.

        Args:
            group: first word of the commands to list, with a space; empty for all.
        """
        entries = self._within(group)
        width = max(len(it.name) for it in entries) + 4
        columns = min(shutil.get_terminal_size().columns - 2, WIDTH)
        lines = [f"usage: {self.program} {group}COMMAND [argument …]", ""]
        lines += textwrap.wrap(self.description, columns) if not group else []
        for heading in dict.fromkeys(it.group for it in entries):
            lines += ["", f"{heading}:"] if lines[-1] else [f"{heading}:"]
            for entry in entries:
                if entry.group == heading:
                    name = f"  {entry.name}".ljust(width)
                    indent = " " * width
                    lines += textwrap.wrap(
                        entry.summary, columns, initial_indent=name, subsequent_indent=indent
                    )
        return "\n".join([*lines, "", f"{self.program} {group}COMMAND --help explains a command."])

    def _within(self, group: str) -> list[Entry]:
        return [it for it in self.entries if it.name.startswith(group)]

    def _unknown(self, group: str, word: str) -> str:
        if not group and Path(word).exists():
            hint = f"{self.program} {self.entries[0].name} {word} takes a file"
        else:
            names = [it.name.removeprefix(group) for it in self._within(group)]
            names += {name.partition(" ")[0] for name in names}
            hint = suggestion(word, names, otherwise="no such name", group=group, cutoff=0.5)
        return f"{group}{word}: unknown command, {hint}; see {self.program} {group}--help"
