"""Imports point one way: which package may know which, no circles, no torch on devices."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PACKAGES = ("common", "samnet", "quantize", "convert", "edge_apps", "benchmarks")

FORBIDDEN = {
    "common": {"samnet", "quantize", "convert", "edge_apps", "benchmarks"},
    "samnet": {"quantize", "convert", "benchmarks"},
    "quantize": {"convert", "benchmarks"},
    "convert": {"benchmarks"},
    "edge_apps": {"samnet", "quantize", "convert", "benchmarks"},
}
"""What modules of a package may import nowhere, not even inside of a function."""

TORCHLESS = ("common", "edge_apps")

BINDINGS = "edge_apps.backends.pte"
"""ExecuTorch's Python bindings, which want tensors of torch; it is imported to run them alone."""


@functools.cache
def modules() -> dict[str, Path]:
    """Files of all modules by their dotted names."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            # Scripts among native sources are run elsewhere, never imported.
            if "native" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def statements(node: ast.AST, *, lazy: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements; without ``lazy`` those alone that run when a module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif lazy or not (
            isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
        ):
            yield from statements(child, lazy=lazy)


@functools.cache
def imports(module: str, *, lazy: bool) -> frozenset[str]:
    """Dotted names that a module imports: ours as modules, others as they are written."""
    found = set[str]()
    for statement in statements(ast.parse(modules()[module].read_text()), lazy=lazy):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
            continue
        assert not statement.level, f"{module}: relative import"
        assert statement.module
        for alias in statement.names:
            name = f"{statement.module}.{alias.name}"
            found.add(name if name in modules() else statement.module)
    return frozenset(found)


def executed(module: str) -> set[str]:
    """Modules of ours that run when this one is imported, its own packages left out."""
    found = set[str]()
    for name in imports(module, lazy=False):
        parts = name.split(".")
        found |= {".".join(parts[: i + 1]) for i in range(len(parts))}
    own = {module[:i] for i, letter in enumerate(module) if letter == "."} | {module}
    return (found & modules().keys()) - own


def closure(module: str) -> set[str]:
    """The module, its packages and all of ours that importing it runs."""
    own = [module[:i] for i, letter in enumerate(module) if letter == "."]
    found, waiting = set[str](), [module, *own]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += executed(at)
    return found


def is_torch(name: str) -> bool:
    return name.split(".")[0] in {"torch", "torchvision", "torchao"}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_packages_know_no_others_than_they_may(package):
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if module.split(".")[0] == package
        for name in imports(module, lazy=True)
        if name.split(".")[0] in FORBIDDEN[package]
    ]
    assert not wrong


def test_a_photo_needs_nothing_that_videos_and_cameras_do():
    found = closure("samnet.predict")
    assert not [it for it in found if it.startswith(("edge_apps.sources", "edge_apps.program.w"))]
    maps = {it for it in modules() if it.startswith("edge_apps.maps.")}
    assert not [it for at in maps for it in imports(at, lazy=True) if "edge_apps.program" in it]


@pytest.mark.parametrize("package", TORCHLESS)
def test_nothing_for_devices_imports_torch(package):
    wrong = []
    for module in modules():
        if module.split(".")[0] == package:
            named = imports(module, lazy=module != BINDINGS)
            wrong += [f"{module} imports {name}" for name in named if is_torch(name)]
            wrong += [
                f"{module} by way of {at}"
                for at in closure(module)
                if any(is_torch(name) for name in imports(at, lazy=False))
            ]
    assert not wrong


def test_no_module_imports_itself_by_way_of_others():
    done = set[str]()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " imports ".join([*way[way.index(module) :], module])
        if module not in done:
            for name in sorted(executed(module)):
                visit(name, (*way, module))
            done.add(module)

    for module in modules():
        visit(module, ())


def test_kept_records_of_photos_depend_on_all_code_that_measures_them():
    from benchmarks.accuracy.photo_records import CODE

    assert {name.split(".")[0] for name in closure("samnet.evaluate")} <= set(CODE)
