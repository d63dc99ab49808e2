"""``samnet prune --model CKPT --data DUTS-TR=DIR --output SMALLER``: prunes a network.

Takes channels out of ``samnet-lite`` that never vary on the photos it was trained on. Its maps stay
what they were, which is looked at on the held-out photos before anything is written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from common.arguments import HELD_OUT, MODEL
from common.command import Command
from common.errors import CheckFailedError, InputError
from common.output_paths import check_absent
from common.progress import progress
from samnet.checkpoints.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
    with_remark,
)
from samnet.data.packed import PackedPairs, pack
from samnet.data.split import holdout
from samnet.data.survey import open_data
from samnet.networks.preprocessing import Preprocessing
from samnet.networks.pruning import TOLERANCE, channel_ranges, prune
from samnet.networks.samnet_lite import SAMNetLite
from samnet.training.augmentation import normalize

BATCH = 16

LARGEST_DIFFERENCE = 0.5 / 255
"""Mean difference of the held-out maps above which nothing is written: half a byte's step."""


@dataclasses.dataclass
class Options:
    """What to prune, and on which photos."""

    model: Annotated[Path, MODEL]
    """Checkpoint of samnet-lite."""
    data: str
    """Training set, [NAME=]DIR; channels are observed on the part that is not held out."""
    output: Path
    """Checkpoint to write."""
    count: int = 2000
    """Training photos to observe, the first of them; all if there are fewer."""
    tolerance: float = TOLERANCE
    """Largest range of a channel, of the 6 that a ReLU6 has, that counts as constant."""
    held_out: Annotated[int, HELD_OUT] = 500
    """Pairs held out from training, on which both networks are compared."""
    cache: Path = Path("runs/cache")
    """Folder for photos packed at the network's size."""
    threads: int | None = None
    """CPU threads."""
    overwrite: bool = False
    """Replace a file that exists."""


def main(options: Options) -> None:
    """Prune and compare.

    Raises:
        InputError: if the checkpoint is of another network, a channel that matters was removed, or
            something cannot be read or written.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    check_absent(options.output, overwrite=options.overwrite)
    checkpoint = load_checkpoint(options.model)
    model, preprocessing = checkpoint.model, checkpoint.preprocessing
    if not isinstance(model, SAMNetLite):
        raise InputError(
            f"{options.model}: its activations have no upper end at which channels could stay; "
            "give a checkpoint of samnet-lite"
        )
    training, held_out = holdout(open_data(options.data).pairs, options.held_out)
    photos = pack(training[: options.count], preprocessing.size, options.cache)
    ranges = channel_ranges(model, batches(photos, preprocessing, "observing channels"))
    smaller = prune(model, ranges, options.tolerance)
    before, after = (sum(p.numel() for p in it.parameters()) for it in (model, smaller))
    removed = sum(model.config.inner) - sum(smaller.config.inner)
    print(
        f"{removed} of {sum(model.config.inner)} channels inside the blocks never vary on "
        f"{len(photos)} photos; {before:,} parameters become {after:,}"
    )
    others = pack(held_out, preprocessing.size, options.cache)
    mean, most = difference(model, smaller, batches(others, preprocessing, "comparing maps"))
    print(f"maps of {len(others)} held-out photos: mean difference {mean:.6f}, largest {most:.4f}")
    if mean > LARGEST_DIFFERENCE:
        raise CheckFailedError(
            f"the smaller network's maps differ by {mean:.4f} on average, expected at most "
            f"{LARGEST_DIFFERENCE:.4f}; lower --tolerance or raise --count. Nothing was written"
        )
    remark = f"{removed} channels that never vary on {len(photos)} photos were then removed"
    kept = Checkpoint(smaller.eval(), preprocessing, with_remark(checkpoint.training, remark))
    save_checkpoint(options.output, kept, overwrite=options.overwrite)
    print(options.output)


def batches(photos: PackedPairs, preprocessing: Preprocessing, doing: str) -> Iterator[Tensor]:
    """Yield normalized batches of packed photos, (N, 3, S, S), with progress."""
    starts = range(0, len(photos), BATCH)
    for start in progress(starts, len(starts), doing):
        index = torch.arange(start, min(start + BATCH, len(photos)))
        raw, _ = photos.batch(index, torch.device("cpu"))
        yield normalize(raw.float() / 255, preprocessing)


@torch.no_grad()
def difference(
    first: SAMNetLite, second: SAMNetLite, photos: Iterator[Tensor]
) -> tuple[float, float]:
    """Measure the mean and the largest difference of two networks' maps in 0 to 1.

    Raises:
        InputError: if there is no photo.
    """
    total, count, most = 0.0, 0, 0.0
    for batch in photos:
        apart = (first(batch) - second(batch)).abs()
        total, count = total + float(apart.sum()), count + apart.numel()
        most = max(most, float(apart.max()))
    if not count:
        raise InputError("there is no held-out photo to compare maps on; raise --held-out")
    return total / count, most


COMMAND = Command.of(Options, main, "Removes channels that never vary from samnet-lite.")

if __name__ == "__main__":
    COMMAND.run()
