"""``samnet bench baseline MODEL``: keeps a trained baseline for the comparison with others.

The copy stores the weights of convolutions in half precision, which halves the file; whatever is
measured of the baseline from then on is measured of this copy.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from benchmarks.baselines import trained
from common.arguments import MODEL
from common.command import Command
from common.errors import InputError
from samnet.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from samnet.networks.baselines import ARCHITECTURES
from samnet.networks.baselines.network import BaselineConfig


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench baseline``."""

    model: Annotated[Path, MODEL]
    """Checkpoint of a baseline, as samnet train writes it."""
    output: Path | None = None
    """Folder to keep it in; by default that of the benchmarks, where they look for it."""
    overwrite: bool = False
    """Replace the weights that are kept of this baseline."""


def main(options: Options) -> None:
    """Write the copy.

    Raises:
        InputError: if the checkpoint cannot be read, is of no baseline or was not trained, or
            weights are there and may not be replaced.
    """
    checkpoint = load_checkpoint(options.model)
    config = checkpoint.model.config
    if not isinstance(config, BaselineConfig):
        raise InputError(
            f"{options.model}: a checkpoint of SAMNet, expected one of a baseline "
            f"({', '.join(ARCHITECTURES)})"
        )
    if "recipe" not in checkpoint.training:
        raise InputError(
            f"{options.model}: says of no recipe that it was trained by, so that no card could be "
            "written; give what samnet train wrote"
        )
    path = (options.output or trained.FOLDER) / f"{config.name}.safetensors"
    save_checkpoint(path, checkpoint, half=True, overwrite=options.overwrite)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


COMMAND = Command.of(Options, main, "Keeps a trained baseline for the comparison with others.")
