"""The weights of baselines that come with the benchmarks, found by the names of their networks."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "weights"


def trained_weights(name: str) -> Path | None:
    """Find the checkpoint of a baseline; None where none was trained."""
    path = FOLDER / f"{name}.safetensors"
    return path if path.is_file() else None


def trained_baselines() -> tuple[str, ...]:
    """List the baselines that have weights, by name."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.safetensors")))
