"""Runs a command built on argparse: errors become one line and an exit status."""

from __future__ import annotations

import argparse
import errno
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from common.errors import InputError, SamnetError
from common.streams import READER_GONE, flush_all, is_reader_gone, prepare, say
from common.termination import Terminated, heeding_signals

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What the system says of disks that are full, of quotas and of those that only can be read."""

WIDTH = 100
"""Columns of help at most."""

FORBIDDEN = (errno.EACCES, errno.EPERM)
"""What it says of files that belong to others."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals are an :class:`InputError` as any other wrong input.

    Args:
        settings: as for :class:`argparse.ArgumentParser`.
    """

    def __init__(self, **settings: Any) -> None:
        self.shown: dict[argparse.Action, str] = {}
        """What help calls an argument, where that is not all the names it has."""
        # An abbreviation would stop working as soon as another option begins like it.
        settings = {"allow_abbrev": False, "formatter_class": self._formatter, **settings}
        super().__init__(**settings, add_help=False)
        self.add_argument("-h", "--help", action="help", help="Show this help and leave.")

    def error(self, message: str) -> NoReturn:
        """Raise wrong usage as wrong input, which ends in one line."""
        raise InputError(f"{message}; see {self.prog} --help")

    def _formatter(self, prog: str) -> argparse.HelpFormatter:
        return _Formatter(prog, self.shown)


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str, shown: Mapping[argparse.Action, str]) -> None:
        width = min(shutil.get_terminal_size().columns - 2, WIDTH)
        super().__init__(prog, max_help_position=28, width=width)
        self._shown = shown

    def _format_action_invocation(self, action: argparse.Action) -> str:
        return self._shown.get(action) or super()._format_action_invocation(action)


def finish(main: Callable[[], None]) -> NoReturn:
    """Run ``main`` and end the process.

    Status 0 when ``main`` returns, 2 with one line on standard error for wrong input or where
    standard output cannot be written, 130 when interrupted, 143 or 129 when ended by SIGTERM or
    SIGHUP, and 141 without a word when who reads the output has gone. Anything else is a defect
    and keeps its traceback. Standard streams may be closed.
    """
    prepare()
    with heeding_signals():
        status = _status(main)
    failure = flush_all()
    if failure is not None and not status:
        status = READER_GONE if isinstance(failure, BrokenPipeError) else 2
        if status == 2:
            say(f"error: standard output: cannot be written ({failure.strerror})")
    sys.exit(status)


def _status(main: Callable[[], None]) -> int:
    try:
        main()
    except SamnetError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except Terminated as ended:
        say("terminated")
        return int(str(ended))
    except SystemExit as ended:
        return _status_of(ended)
    except BrokenPipeError:
        if not is_reader_gone():
            raise
        return READER_GONE
    except OSError as error:
        # A file's name stands in what opening it raises, and in nothing that writing does.
        if error.errno in FORBIDDEN and error.filename:
            say(f"error: {error.filename}: cannot be used ({error.strerror})")
        elif error.errno in UNWRITABLE:
            name = error.filename or "standard output"
            say(f"error: {name}: cannot be written ({error.strerror})")
        else:
            raise
        return 2
    return 0


def _status_of(ended: SystemExit) -> int:
    """Return the exit status that the interpreter makes of a call of ``sys.exit``."""
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    say(str(ended.code))
    return 1
