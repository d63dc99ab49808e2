"""The files of which the project is built, copied to a folder that may be written to."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("common", "samnet", "quantize", "convert", "edge_apps", "benchmarks")
FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE")


def copy_source(folder: Path) -> Path:
    """Copies them, without what earlier builds left; gives the folder."""
    folder.mkdir(exist_ok=True)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    return folder
