"""Options of a command from the fields of a dataclass.

A field becomes the option of its name, and the literal below it the help. What differs stands in an
:class:`Argument` of the field's annotation, as ``Annotated[Path, MODEL]``.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import itertools
import pathlib
import textwrap
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, TypeVar

from common.cli import Parser

Options = TypeVar("Options")

NAMED = "named "
"""Before a field's name: under which argparse keeps what an option gave in place of a positional
argument."""


@dataclasses.dataclass(frozen=True)
class Argument:
    """How a field is given where that is not by the option of its name.

    Args:
        positional: by its place.
        named: by an option as well, where it is positional.
        hidden: not at all; the field keeps its default.
        repeated: by an option that takes one value each time, where the field is a tuple.
        option: name of the option, as the field's; the field's own if empty.
        aliases: earlier names of the option, which go on working and are not shown.
        metavar: stands for the value in the help.
    """

    positional: bool = False
    named: bool = False
    hidden: bool = False
    repeated: bool = False
    option: str = ""
    aliases: tuple[str, ...] = ()
    metavar: str = ""


POSITIONAL = Argument(positional=True)
"""Given by its place."""

MODEL = Argument(positional=True, named=True, option="model")
"""The model, or models, of a command: given by its place, or by ``--model``."""

CALIBRATION = Argument(aliases=("photos",))
"""Photos that quantization is calibrated on."""

HELD_OUT = Argument(aliases=("hold-out",))
"""Pairs kept from training."""

CACHE = Argument(option="cache", aliases=("folder",))
"""Folder for what can be made again."""

SUFFIXES = Argument(option="suffix", aliases=("suffixes",))
PRECISIONS = Argument(option="precision", aliases=("precisions",))
ENGINES = Argument(option="engine", aliases=("engines",))
OBSERVERS = Argument(option="observer", aliases=("observers",))
"""One or more of each; an option has one name whether it takes one value or several."""

SIZES = Argument(option="size", aliases=("sizes",))
"""One or more heights and widths of networks' inputs."""

REPEATED = Argument(repeated=True)
"""Given by an option once for each value."""


@dataclasses.dataclass(frozen=True)
class _Field:
    """A field as the command line sees it.

    Args:
        name: name of the field.
        argument: how it is given.
        kind: type of one value.
        count: argparse's ``nargs``; None for a single value.
        optional: whether ``None`` may be given.
        default: its value where nothing is given; ``MISSING`` where it has to be.
        text: its help.
    """

    name: str
    argument: Argument
    kind: Any
    count: int | str | None
    optional: bool
    default: Any
    text: str

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def option(self) -> str:
        return self.argument.option or self.name

    @property
    def flag(self) -> str:
        return "--" + self.option.replace("_", "-")

    @property
    def choices(self) -> tuple[Any, ...]:
        return typing.get_args(self.kind) if typing.get_origin(self.kind) is Literal else ()

    @property
    def metavar(self) -> str:
        if self.argument.metavar:
            return self.argument.metavar
        if self.argument.positional:
            return self.option.upper().removesuffix("S" if self.count else "")
        if self.choices:
            return "{" + ",".join(map(str, self.choices)) + "}"
        return {pathlib.Path: "PATH", int: "N", float: "X"}.get(self.kind, "TEXT")

    @property
    def help(self) -> str:
        text, default = " ".join(self.text.split()), self.default
        shown = not (self.required or default in (None, True, False, (), ""))
        if shown and "default" not in text:
            values = default if isinstance(default, tuple) else (default,)
            text += f" Default: {' '.join(str(value) for value in values)}."
        return text.replace("%", "%%")


def add_fields(parser: Parser, options: type[Any]) -> None:
    """Add an argument to a parser for each field of a dataclass, required ones first."""
    usage = []
    for field in sorted(_fields(options), key=lambda it: not it.required):
        if field.argument.hidden:
            continue
        if field.argument.positional:
            shown = _add_positional(parser, field)
            if field.argument.named:
                _add_option(parser, field)
        else:
            shown = _add_option(parser, field)
        if field.required or field.argument.positional:
            usage.append(shown if field.required else f"[{shown}]")
    parser.usage = " ".join(["%(prog)s", *usage, "[option …]"])


def _add_positional(parser: Parser, field: _Field) -> str:
    """Add a field that is given by its place; return it as the usage has it."""
    settings = {key: it for key, it in _value(field).items() if key in ("type", "choices")}
    # Whether one is missing is looked at when all ways to give it are known.
    action = parser.add_argument(
        field.name, nargs="*" if field.count else "?", help=field.help, **settings
    )
    action.metavar = field.metavar
    shown = field.metavar + (" …" if field.count else "")
    parser.shown[action] = shown
    if field.argument.named:
        parser.shown[action] += f", --{field.option} {shown}"
    return shown


def _add_option(parser: Parser, field: _Field) -> str:
    """Add the option of a field; return it as the usage has it."""
    names = [field.flag, *(f"--{name}" for name in field.argument.aliases)]
    settings: dict[str, Any] = {"help": field.help, "dest": field.name}
    if field.kind is bool:
        settings["action"] = argparse.BooleanOptionalAction
    else:
        settings |= _value(field)
    if field.argument.positional:
        settings |= {"dest": NAMED + field.name, "help": argparse.SUPPRESS}
    action = parser.add_argument(*names, default=argparse.SUPPRESS, **settings)
    shown = names[0]
    if field.kind is not bool:
        several = action.nargs if isinstance(action.nargs, int) else 1
        shown += f" {' '.join([field.metavar] * several)}" + (
            " …" if action.nargs in ("*", "+") else ""
        )
    elif field.default is not False:  # what is off by default is only ever asked for
        shown += f", --no-{names[0][2:]}"
    parser.shown[action] = shown
    return shown


def options_of(options: type[Options], parser: Parser, arguments: argparse.Namespace) -> Options:
    """Collect the options on a command line; what was not given has its field's default.

    Raises:
        InputError: if something is missing, or given twice.
    """
    given, missing = dict(vars(arguments)), []
    values: dict[str, Any] = {}
    fields = list(_fields(options))
    _shift(fields, given)
    for field in fields:
        found = [given[key] for key in (field.name, NAMED + field.name) if key in given]
        if field.argument.positional:
            found = [value for value in found if value not in (None, [])]
        if len(found) > 1:
            parser.error(f"{field.metavar} and --{field.option} name the same; leave one out")
        if found:
            values[field.name] = tuple(found[0]) if isinstance(found[0], list) else found[0]
        elif field.required:
            missing.append(field.metavar if field.argument.positional else field.flag)
    if missing:
        parser.error(f"the following arguments are required: {', '.join(missing)}")
    return options(**values)


def _shift(fields: Sequence[_Field], given: dict[str, Any]) -> None:
    """Move what stands in a model's place to the arguments after it if an option names one."""
    placed = [field for field in fields if field.argument.positional]
    for model, after in itertools.pairwise(placed):
        if NAMED + model.name in given and given[model.name] is not None and after.count:
            given[after.name] = [after.kind(given[model.name]), *given[after.name]]
            given[model.name] = None


def _fields(options: type[Any]) -> Iterator[_Field]:
    hints = typing.get_type_hints(options, include_extras=True)
    texts = _texts(options)
    for field in dataclasses.fields(options):
        hint, argument = hints[field.name], Argument()
        if typing.get_origin(hint) is Annotated:
            hint, *marks = typing.get_args(hint)
            argument = next((it for it in marks if isinstance(it, Argument)), argument)
        inner = [it for it in typing.get_args(hint) if it is not types.NoneType]
        optional = types.NoneType in typing.get_args(hint)
        if optional:
            (hint,) = inner
        count: int | str | None = None
        if typing.get_origin(hint) is tuple:
            hint, *others = typing.get_args(hint)
            count = "*" if others == [...] else 1 + len(others)
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = None  # it is found when the command runs, and its help says what it is
        text = texts.get(field.name, "")
        yield _Field(field.name, argument, hint, count, optional, default, text)


def _value(field: _Field) -> dict[str, Any]:
    """Build the arguments of ``add_argument`` for a field that takes values."""
    settings: dict[str, Any] = {"metavar": field.metavar}
    kind = field.kind
    if field.choices:
        settings["choices"] = field.choices
        kind = type(field.choices[0])
    settings["type"] = _or_none(kind) if field.optional and kind is not str else kind
    if field.argument.repeated:
        settings["action"] = "append"
    elif field.count == "*":
        settings |= {"action": "extend", "nargs": "+" if field.required else "*"}
    elif field.count:
        settings["nargs"] = field.count
    return settings


def _or_none(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        return None if text == "None" else kind(text)

    convert.__name__ = kind.__name__  # argparse names it where a value is refused
    return convert


def _texts(options: type[Any]) -> dict[str, str]:
    """Find the literal below each field, in the source of the class and of its bases."""
    found: dict[str, str] = {}
    for base in reversed(options.__mro__[:-1]):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for field, below in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                value = below.value if isinstance(below, ast.Expr) else None
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found[field.target.id] = value.value
    return found
