"""Private parts of libraries are touched where they are listed, in versions that were looked at."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from installed_names import is_there

from convert import upstream

ROOT = Path(__file__).parents[2]
ROOMS = ("benchmarks", "common", "convert", "edge_apps", "quantize", "samnet", "tools")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(
        path.read_text(encoding="utf-8")
    )
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
}
LISTED = {module for touch in upstream.TOUCHES for module in touch.where}
STANDARD = {"os"}
"""Modules of Python itself with names of an underscore that its documentation has."""

PRIVATE = re.compile(r"(?!_)\w+(\.\w+)*\._(?!_)\w+(\.\w+)*")
"""A dotted name with a private part, as an import by a string has it."""


def own_names(tree: ast.AST) -> Iterator[str]:
    """What a module itself calls by a name: functions, variables and attributes."""
    for it in ast.walk(tree):
        if isinstance(it, ast.FunctionDef):
            yield it.name
        elif isinstance(it, ast.Attribute | ast.Name) and isinstance(it.ctx, ast.Store):
            yield it.attr if isinstance(it, ast.Attribute) else it.id


OWN = {name for tree in MODULES.values() for name in own_names(tree)}


def private_parts(tree: ast.AST) -> Iterator[str]:
    """What a module takes from elsewhere by a name with an underscore in front, or replaces.

    The bare name: ``_private`` of ``library.module._private``.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            if node.module.split(".")[0] in ROOMS or node.level:
                continue
            names = [*node.module.split("."), *(it.name for it in node.names)]
            if any(it.startswith("_") for it in names):
                yield from (it.name for it in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("patch.object"):
            yield str(ast.literal_eval(node.args[1]))
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            yield from _attribute(node)
        elif isinstance(node, ast.keyword) and node.arg and node.arg.startswith("_"):
            yield node.arg
        elif isinstance(node, ast.Constant) and PRIVATE.fullmatch(str(node.value)):
            parts = str(node.value).split(".")
            yield from (it for it in parts if it.startswith("_") and parts[0] not in ROOMS)


def _attribute(node: ast.Attribute) -> Iterator[str]:
    owner = ast.unparse(node.value)
    special = node.attr.startswith("__") or node.attr == "_replace" or owner in STANDARD
    if not special and (owner == "super()" or node.attr not in OWN):
        yield node.attr


def identifiers(touch: upstream.Touch) -> set[str]:
    return {it for name in touch.names for it in re.split(r"\W+", name)}


@pytest.fixture(scope="module")
def unlisted():
    # The list itself holds their names.
    listed = {upstream.__name__: {it for touch in upstream.TOUCHES for it in identifiers(touch)}}
    for touch in upstream.TOUCHES:
        for module in touch.where:
            listed.setdefault(module, set()).update(identifiers(touch))
    return [
        f"{module}: {part}"
        for module, tree in MODULES.items()
        for part in sorted(set(private_parts(tree)) - listed.get(module, set()))
    ]


def test_every_private_part_is_listed(unlisted):
    assert not unlisted, "add these to convert.upstream.TOUCHES, or do without"


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("from torch._inductor import config", "config"),
        ("import torch\ntorch._dynamo.reset()", "_dynamo"),
        ("mock.patch.object(torch, 'load', None)", "load"),
        ("call(_hidden=True)", "_hidden"),
        ("import_module('numpy._core.thing')", "_core"),
        ("class A(B):\n  def f(self): return self._of_another_library()", "_of_another_library"),
        ("class A(B):\n  def _run(self): return super()._run()", "_run"),
    ],
)
def test_a_private_part_is_seen(code, part):
    assert part in set(private_parts(ast.parse(code)))


def test_the_list_is_of_modules_and_packages_that_are_there():
    assert set(MODULES) >= LISTED
    assert {touch.package for touch in upstream.TOUCHES} == set(upstream.CHECKED)


@pytest.mark.parametrize("touch", upstream.TOUCHES, ids=lambda it: f"{it.package} {it.where[0]}")
def test_every_listed_part_is_installed(touch):
    if upstream.installed(touch.package) is None:
        pytest.skip(f"{touch.package} is not installed")
    gone = [name for name in touch.names if not is_there(name)]
    assert not gone, f"{touch.package} {upstream.installed(touch.package)}: {touch.breaks}"


def test_what_is_gone_is_missed():
    assert is_there("argparse:HelpFormatter.add_usage")
    assert is_there("torch.serialization:load")
    for name in ("argparse:HelpFormatter.add_usages", "torch.nowhere:load", "nothing.at_all:x"):
        assert not is_there(name)
    assert not is_there("numpy/nowhere*.so:symbol")


def test_installed_versions_are_those_that_were_looked_at():
    assert not upstream.unchecked(), "\n".join(upstream.unchecked())


def test_another_version_says_what_to_look_at(monkeypatch):
    monkeypatch.setitem(upstream.CHECKED, "executorch", ("0.1",))
    monkeypatch.setattr(upstream, "installed", lambda name: {"executorch": "1.4.1"}.get(name))
    (line,) = upstream.unchecked()
    assert line.startswith("executorch 1.4.1 is installed") and "seen in 0.1;" in line
    assert "convert.executorch.fast_lowering" in line and not upstream.is_checked("executorch")
