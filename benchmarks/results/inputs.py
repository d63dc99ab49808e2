"""``python -m benchmarks.results.inputs WHAT --output PATH``: what results are measured with.

Everything here can be made again from the data sets and the package itself, so none of it is kept
in the repository.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from common.arguments import POSITIONAL
from common.command import Command
from common.errors import InputError
from common.files import replacing
from common.images.photos import write_image

if TYPE_CHECKING:
    from samnet.data.layouts import Pair

What = Literal["held-out", "sample", "embedded", "stick-breaking"]

EVERY = 8
"""Of how many pairs a sample takes one."""


@dataclasses.dataclass
class Options:
    """What to write."""

    what: Annotated[What, POSITIONAL]
    """held-out: a list of the pairs that training holds out of --data; sample: one of every eighth
    of its pairs by name, for networks that take seconds a photo; embedded: a folder of the
    embedded photos; stick-breaking: a checkpoint of the paper's network with that attention alone
    changed, trained for a minute, fit for times and not for maps."""
    output: Path
    """List, folder or checkpoint to write; replaces an earlier one."""
    data: str | None = None
    """Data set, [NAME=]DIR."""


def main(options: Options) -> None:
    """Write what is asked for.

    Raises:
        InputError: for wrong input.
    """
    if options.what in ("held-out", "sample"):
        if options.data is None:
            raise InputError(f"{options.what} needs a data set; pass --data NAME=DIR")
        write = write_held_out if options.what == "held-out" else write_sample
        write(options.data, options.output)
    elif options.what == "embedded":
        write_embedded(options.output)
    else:
        write_stick_breaking(options.output)
    print(options.output)


def write_held_out(data: str, output: Path) -> None:
    """Write the held-out pairs of a training set as a list of photos and masks."""
    from samnet.data.split import holdout
    from samnet.data.survey import open_data

    _, held_out = holdout(open_data(data).pairs)
    _write_pairs(held_out, output)


def write_sample(data: str, output: Path) -> None:
    """Write every eighth pair of a data set, from the first on, as such a list."""
    from samnet.data.survey import open_data

    _write_pairs(open_data(data).pairs[::EVERY], output)


def _write_pairs(pairs: Iterable[Pair], output: Path) -> None:
    with replacing(output, overwrite=True) as temporary:
        lines = (f"{pair.photo.resolve()}\t{pair.mask.resolve()}\n" for pair in pairs)
        temporary.write_text("".join(lines), encoding="utf-8")


def write_embedded(folder: Path) -> None:
    """Write the embedded photos as PNG files."""
    from samnet.data.embedded import embedded_photos

    for it in embedded_photos():
        write_image(folder / f"{it.name}.png", it.photo, overwrite=True)


def write_stick_breaking(output: Path) -> None:
    """Write a checkpoint of SAMNet with stick-breaking attention and nothing else changed."""
    from benchmarks.latency.short_training import taught
    from samnet.checkpoints.checkpoint import save_checkpoint
    from samnet.networks.config import SAMNetConfig
    from samnet.networks.cost import PAPER_SIZE

    config = SAMNetConfig(attention="stick_breaking")
    save_checkpoint(output, taught(config, PAPER_SIZE), overwrite=True)


COMMAND = Command.of(Options, main, "Writes lists, photos and checkpoints that results need.")

if __name__ == "__main__":
    COMMAND.run()
