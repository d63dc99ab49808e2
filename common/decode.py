"""Dataclasses from plain JSON values, every type checked on the way."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union

Kind = TypeVar("Kind")


def decode(kind: type[Kind], value: object) -> Kind:
    """Build a dataclass, or whatever else its fields are annotated with, from JSON values.

    Lists become tuples where a tuple is expected. Fields with a default may be missing.

    Raises:
        TypeError: if a value does not fit, a field is missing or unknown; says where.
    """
    return typing.cast(Kind, _decode(kind, value, ""))


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or kind is object:
        return value
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where)
    if origin in (types.UnionType, Union):
        return _union(arguments, value, where)
    if origin is Literal:
        _expect(value in arguments, kind, value, where)
        return value
    if origin is tuple:
        _expect(isinstance(value, list | tuple), kind, value, where)
        if arguments[-1] is not ...:
            _expect(len(value) == len(arguments), kind, value, where)
        kinds = arguments if arguments[-1] is not ... else arguments[:1] * len(value)
        pairs = enumerate(zip(kinds, value, strict=True))
        return tuple(_decode(one, item, f"{where}[{i}]") for i, (one, item) in pairs)
    if origin is dict or origin is Mapping:
        _expect(isinstance(value, dict), kind, value, where)
        return {key: _decode(arguments[1], it, f"{where}[{key!r}]") for key, it in value.items()}
    accepted = (int, float) if kind is float else kind
    fits = isinstance(value, accepted) and (kind is bool or not isinstance(value, bool))
    _expect(fits, kind, value, where)
    return value


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), kind, value, where)
    hints = _hints(kind)
    unknown = value.keys() - hints.keys()
    _expect(not unknown, kind, f"fields {sorted(unknown)}", where)
    fields = {name: _decode(hints[name], it, f"{where}.{name}") for name, it in value.items()}
    try:
        return kind(**fields)
    except TypeError as error:
        raise TypeError(f"{where or kind.__name__}: {error}") from error


def _union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    for kind in kinds[:-1]:
        try:
            return _decode(kind, value, where)
        except TypeError:
            continue
    return _decode(kinds[-1], value, where)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    fields = {field.name for field in dataclasses.fields(kind) if field.init}
    return {name: it for name, it in typing.get_type_hints(kind).items() if name in fields}


def _expect(condition: bool, kind: Any, value: Any, where: str) -> None:
    if not condition:
        expected = getattr(kind, "__name__", kind)
        at = f"{where.removeprefix('.')}: " if where else ""
        raise TypeError(f"{at}{str(value)[:60]!r} where {expected} was expected")
