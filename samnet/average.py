"""``samnet average CKPT --with OTHER --data DUTS-TR=DIR --output MEAN``: averages two checkpoints.

Weights that were trained on from others lie near them, and a mean of both is often better than
either, on photos of another kind above all (Wortsman et al., "Robust fine-tuning of zero-shot
models", CVPR 2022, https://arxiv.org/abs/2109.01903). How much of each is chosen on held-out pairs.
"""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Annotated

import torch

from common.arguments import HELD_OUT, MODEL, Argument
from common.command import Command
from common.errors import InputError
from common.files import sha256
from common.output_paths import check_absent
from samnet.checkpoints.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
    with_remark,
)
from samnet.data.packed import pack
from samnet.data.split import holdout
from samnet.data.survey import open_data
from samnet.evaluation.metrics import Scores
from samnet.networks.base import SaliencyNetwork
from samnet.training.validation import validate


@dataclasses.dataclass
class Options:
    """What to average, and on what to choose."""

    model: Annotated[Path, MODEL]
    """Checkpoint that was trained on; its record is that of the mean."""
    other: Annotated[Path, Argument(option="with")]
    """Checkpoint of the same network, such as the one that the run started from."""
    data: str
    """Training set, [NAME=]DIR; shares are compared on the part that is held out."""
    output: Path
    """Checkpoint to write: the mean with the share that is best there."""
    shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    """Shares of the first checkpoint in the mean that are compared, above 0 and up to 1."""
    held_out: Annotated[int, HELD_OUT] = 500
    """Pairs held out from training."""
    cache: Path = Path("runs/cache")
    """Folder for photos packed at the network's size."""
    threads: int | None = None
    """CPU threads."""
    overwrite: bool = False
    """Replace a file that exists."""


def main(options: Options) -> None:
    """Compare the shares, and write the best mean.

    Raises:
        InputError: if a share is out of range, the checkpoints are of different networks, or
            something cannot be read or written.
    """
    if not options.shares or not all(0 < share <= 1 for share in options.shares):
        found = " ".join(f"{share:g}" for share in options.shares) or "none"
        raise InputError(f"--shares {found}: expected shares above 0 and up to 1, such as 0.5 1")
    if options.threads:
        torch.set_num_threads(options.threads)
    check_absent(options.output, overwrite=options.overwrite)
    checkpoint, other = load_checkpoint(options.model), load_checkpoint(options.other)
    if other.model.config != checkpoint.model.config:
        raise InputError(
            f"{options.other}: of another network than {options.model}; give a checkpoint of the "
            "same one, such as the one that its run started from"
        )
    size = checkpoint.preprocessing.size
    _, held_out = holdout(open_data(options.data).pairs, options.held_out)
    pairs = pack(held_out, size, options.cache)
    tried: list[tuple[float, SaliencyNetwork, Scores]] = []
    for share in sorted(set(options.shares)):
        network = mean(checkpoint.model, other.model, share)
        scores = validate(network, pairs, torch.device("cpu")).scores
        print(f"share {share:g}: max F {scores.max_F:.4f}, MAE {scores.MAE:.4f}", flush=True)
        tried.append((share, network, scores))
    share, network, scores = max(tried, key=lambda row: row[2].max_F - row[2].MAE)
    summary = checkpoint.training
    if share < 1:
        digest = sha256(options.other)[:12]
        remark = f"{share:g} of these weights, the rest of {options.other.name} ({digest}…)"
        summary = with_remark(summary, remark)
    validation = {"size": size, "max_F": scores.max_F, "MAE": scores.MAE}
    summary = {**summary, "validation": validation}
    kept = Checkpoint(network.eval(), checkpoint.preprocessing, summary)
    save_checkpoint(options.output, kept, overwrite=options.overwrite)
    print(f"{options.output}: share {share:g}")


def mean(first: SaliencyNetwork, second: SaliencyNetwork, share: float) -> SaliencyNetwork:
    """Average two networks of one configuration.

    Args:
        first: has this share in the mean.
        second: has the rest.
        share: 0 to 1.
    """
    others = second.state_dict()
    averaged = copy.deepcopy(first)
    averaged.load_state_dict(
        {
            name: torch.lerp(others[name], value, share) if value.is_floating_point() else value
            for name, value in first.state_dict().items()
        }
    )
    return averaged


COMMAND = Command.of(Options, main, "Averages two checkpoints by what is best on held-out pairs.")

if __name__ == "__main__":
    COMMAND.run()
