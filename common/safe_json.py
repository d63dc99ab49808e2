"""Parses JSON from files of unknown origin, limited in depth."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

DEEPEST = 64
"""Lists and tables within each other; what this project writes has a quarter of it."""

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")


def parse_json(
    text: str | bytes, object_hook: Callable[[dict[str, Any]], Any] | None = None
) -> Any:
    """Read JSON as :func:`json.loads` does, but none that is nested deeper than :data:`DEEPEST`.

    Python's own guard is its recursion limit. Packages of converters raise that (litert-torch to
    100,000, onnx2tf to 2,147,483,647), and then a few thousand brackets overflow the stack and end
    the interpreter.

    Raises:
        ValueError: if the text is no JSON, or nested deeper.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    steps = (1 if it[0] in "[{" else -1 for it in _BRACKET.finditer(_STRING.sub("", text)))
    if max(itertools.accumulate(steps), default=0) > DEEPEST:
        raise ValueError(f"nested deeper than {DEEPEST} lists or tables")
    return json.loads(text, object_hook=object_hook)
