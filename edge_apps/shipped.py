"""The artifacts that come with this package."""

from __future__ import annotations

from pathlib import Path

from common.errors import InputError
from edge_apps.formats import FORMATS

FOLDER = Path(__file__).with_name("models")

DEFAULT = "samnet-lite_*_int8.tflite"
"""The artifact that devices run unless told otherwise; the star stands for its size in pixels."""


def default_model() -> Path:
    """Return the path of the artifact that devices run unless told otherwise.

    Raises:
        InputError: if the installation lacks it.
    """
    found = sorted(FOLDER.glob(DEFAULT), key=_size)
    if not found:
        raise InputError(f"no {DEFAULT} in {FOLDER}; give an artifact with --model")
    return found[-1]


def usable_models() -> list[Path]:
    """List the shipped artifacts for which a runtime is installed, sorted by name."""
    usable = [suffix for suffix, known in FORMATS.items() if known.usable]
    return sorted(path for path in FOLDER.iterdir() if path.suffix in usable)


def _size(path: Path) -> int:
    """Parse the pixels in a name such as ``samnet-edge_336_int8.tflite``."""
    digits = path.name.split("_")[1]
    return int(digits) if digits.isdecimal() else 0
