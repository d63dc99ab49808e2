"""The weights that come with this package, found by the names of their networks."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "weights"


def shipped_weights(name: str) -> Path | None:
    """Find the checkpoint that comes under a network's name; None where there is none."""
    path = FOLDER / f"{name}.safetensors"
    return path if path.is_file() else None
