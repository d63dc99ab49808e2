"""Private parts of libraries are touched where they are listed, in versions that were looked at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from convert import upstream

ROOT = Path(__file__).parents[2]
ROOMS = ("benchmarks", "common", "convert", "edge_apps", "quantize", "samnet", "tools")
LISTED = {module for touch in upstream.TOUCHES for module in touch.where}
STANDARD = {"os"}
"""Modules of Python itself, whose private parts are no library's."""


def private_parts(tree: ast.AST) -> Iterator[str]:
    """What a module takes from elsewhere by a name with an underscore in front, or replaces."""
    own = {it.name for it in ast.walk(tree) if isinstance(it, ast.FunctionDef)}
    own |= {
        it.attr
        for it in ast.walk(tree)
        if isinstance(it, ast.Attribute) and isinstance(it.ctx, ast.Store)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            names = (*node.module.split("."), *(it.name for it in node.names))
            if node.module.split(".")[0] not in ROOMS and any(it.startswith("_") for it in names):
                yield node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("patch.object"):
            yield ast.unparse(node)
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            special = node.attr.startswith("__") or node.attr == "_replace"
            if not special and node.attr not in own and owner not in ("self", "cls", *STANDARD):
                yield ast.unparse(node)
        elif isinstance(node, ast.keyword) and node.arg and node.arg.startswith("_"):
            yield node.arg


def test_every_private_part_is_listed():
    unlisted = []
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found = sorted(set(private_parts(ast.parse(path.read_text(encoding="utf-8")))))
            unlisted += [f"{module}: {it}" for it in found if module not in LISTED]
    assert not unlisted, "add these to convert.upstream.TOUCHES, or do without"


def test_the_list_is_of_modules_and_packages_that_are_there():
    assert all((ROOT / f"{it.replace('.', '/')}.py").is_file() for it in LISTED)
    assert {touch.package for touch in upstream.TOUCHES} == set(upstream.CHECKED)


def test_installed_versions_are_those_that_were_looked_at():
    assert not upstream.unchecked(), "\n".join(upstream.unchecked())


def test_another_version_says_what_to_look_at(monkeypatch):
    monkeypatch.setitem(upstream.CHECKED, "executorch", ("0.1",))
    monkeypatch.setattr(upstream, "installed", lambda name: {"executorch": "1.4.1"}.get(name))
    (line,) = upstream.unchecked()
    assert line.startswith("executorch 1.4.1 is installed") and "seen in 0.1;" in line
    assert "convert.executorch.fast_lowering" in line and not upstream.is_checked("executorch")
