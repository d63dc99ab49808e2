"""Looks for names in the files of installed packages, without importing any."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Sequence
from importlib import util
from pathlib import Path


def is_there(name: str) -> bool:
    """Tell whether ``module:name``, ``module:Class.name`` or ``path*.so:symbol`` is installed."""
    place, _, wanted = name.partition(":")
    return any(_holds(path, wanted.split(".")) for path in _files(place))


def _files(place: str) -> list[Path]:
    """Find the files that a module or a path among the packages may stand for."""
    top, *rest = place.split("/") if "/" in place else place.split(".")
    found = util.find_spec(top)
    if found is None:
        return []
    roots = [Path(it) for it in found.submodule_search_locations or ()]
    if "/" in place:
        return [path for root in roots for path in root.glob("/".join(rest))]
    if not roots:
        return [Path(str(found.origin))] if not rest else []
    bases = [root.joinpath(*rest) for root in roots]
    ends = ("__init__.py", "__init__.pyi")
    files = [base / end for base in bases for end in ends]
    if rest:
        files += [base.with_name(base.name + end) for base in bases for end in (".py", ".pyi")]
        files += [path for base in bases for path in base.parent.glob(f"{base.name}.*.so")]
    return [path for path in files if path.is_file()]


def _holds(path: Path, wanted: Sequence[str]) -> bool:
    if not path.suffix.startswith(".py"):
        return wanted[-1].encode() in path.read_bytes()
    scope: ast.AST | None = _parsed(path)
    for part in wanted:
        scope = _members(scope).get(part) if scope is not None else None
        if scope is None:
            return False
    return True


@functools.cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _members(scope: ast.AST) -> dict[str, ast.AST]:
    """What a module or class defines, imports or assigns, a class's instances included."""
    made: dict[str, ast.AST] = {}
    for node in _statements(scope):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            made[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            made.update({it.asname or it.name: node for it in node.names})
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            made.update({it.id: node for it in targets if isinstance(it, ast.Name)})
    if isinstance(scope, ast.ClassDef):
        for it in ast.walk(scope):
            if isinstance(it, ast.Attribute) and isinstance(it.ctx, ast.Store):
                made.setdefault(it.attr, it)
    return made


def _statements(scope: ast.AST) -> Iterable[ast.AST]:
    """The statements of a scope and of its conditions, those of functions left out."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node)
