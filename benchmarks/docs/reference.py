"""``make docs``: the reference of all packages, from their docstrings, as pages that open offline.

pdoc alone would pass over what a package with ``__all__`` does not name, such as all rooms of
:mod:`samnet`, and on its way color the source of everything, which takes most of the time.
"""

from __future__ import annotations

import dataclasses
import pkgutil
import warnings
from pathlib import Path

from common.command import Command

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("samnet", "edge_apps", "quantize", "convert", "benchmarks", "common")
TEMPLATES = ROOT / "benchmarks" / "shared" / "templates"


@dataclasses.dataclass
class Options:
    """Options of ``make docs``."""

    packages: tuple[str, ...] = PACKAGES
    """What to describe, with all below it, as samnet.networks."""
    output: Path = ROOT / "build" / "docs"
    """Folder of the pages; index.html there lists them."""


def modules(package: str) -> list[str]:
    """Name a package and all modules below it that one can import, each package's own first.

    Args:
        package: its name, dotted.
    """
    folder = ROOT.joinpath(*package.split("."))
    found = [package]
    for module in pkgutil.iter_modules([str(folder)]):
        name = f"{package}.{module.name}"
        if module.ispkg:
            found += modules(name)
        elif module.name != "__main__":
            found.append(name)
    return found


def main(options: Options) -> None:
    """Write the pages and say where."""
    from pdoc import doc, render, render_helpers

    # Fields that a dataclass inherits are looked up in the module of its own, and not found there.
    warnings.filterwarnings("ignore", "Error parsing type annotation")
    render.configure(docformat="google", show_source=False, template_directory=TEMPLATES)
    names = [name for package in options.packages for name in modules(package)]
    found = {name: doc.Module.from_name(name) for name in names}
    render.env.globals["purposes"] = {
        name: render_helpers.to_html(
            render_helpers.to_markdown(module.docstring.split("\n\n")[0], module, "google")
        )
        for name, module in found.items()
    }
    for name, module in found.items():
        path = options.output.joinpath(*name.split(".")).with_suffix(".html")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render.html_module(module, found), encoding="utf-8")
    for name, page in {
        "index.html": render.html_index(found),
        "search.js": render.search_index(found),
    }.items():
        (options.output / name).write_text(page, encoding="utf-8")
    print(f"{options.output / 'index.html'}: {len(found)} modules")


COMMAND = Command.of(Options, main, "Writes the reference of all packages.")

if __name__ == "__main__":
    COMMAND.run()
