"""Options of ``samnet convert all``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from common.arguments import CALIBRATION, ENGINES, MODEL, PRECISIONS, SUFFIXES
from convert.contract.forms import Engine
from edge_apps.manifest import Precision


@dataclasses.dataclass
class Options:
    """Options of ``samnet convert all``."""

    models: Annotated[tuple[Path, ...], MODEL]
    """Checkpoints (.safetensors), which are quantized on the way, and programs (.pt2)."""
    output: Path = Path("runs/artifacts")
    """Folder for NAME_SIZE_PRECISION.EXT, their manifests and the programs."""
    calibration: Annotated[tuple[Path, ...], CALIBRATION] = ()
    """Photos or folders to calibrate on; the embedded ones and crops of them by default."""
    count: int = 128
    """Photos and crops that are observed."""
    size: int | None = None
    """Height and width in pixels; a model's own by default."""
    output_stride: int | None = None
    """Stride of the map that comes out; a model's own by default."""
    suffixes: Annotated[tuple[str, ...], SUFFIXES] = ()
    """Formats to write, such as .tflite .pte; all by default."""
    precisions: Annotated[tuple[Precision, ...], PRECISIONS] = ()
    """Precisions to write; all by default."""
    engines: Annotated[tuple[Engine, ...], ENGINES] = ()
    """Engines to use; all by default."""
    data: str | None = None
    """Photos with masks, NAME=DIR, on which no artifact may fall behind its checkpoint."""
    json: Path | None = None
    """Result file to write."""
    jobs: int | None = None
    """Processes that make files at once, each of which needs up to 3 GB: by default one for each
    core, 4 at most, as far as memory goes."""
    allow_loss: bool = False
    """Write programs even if they lost the float network's map."""
    overwrite: bool = False
    """Replace existing files."""
