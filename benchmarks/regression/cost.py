"""Parameters and multiply-adds of every network, beside the paper's.

``samnet bench cost --json OUT``

Nothing is computed with: shapes are enough to count, so the figures are the same on every machine.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.results.published import read_published
from benchmarks.results.speed_kinds import NetworkCost, PaperCost
from common.command import Command
from common.output_paths import check_absent
from common.result_file import write_result
from samnet.networks.cost import PAPER_SIZE, multiply_adds, parameters
from samnet.networks.registry import CONFIGS, build_model

SEGMENTATION_SIZE = 672
"""Height and width in pixels at which the paper counts those of semantic segmentation."""

PROTOCOL = (
    "parameters: all that are learned, side heads too; multiply-adds: of convolutions and products "
    f"for all maps of one photo at {PAPER_SIZE} px and at the size of the paper's own count "
    f"({SEGMENTATION_SIZE} px for networks of semantic segmentation, Section IV-A d)"
)


DECODER = (
    "Tables II and III say no more of the decoder than that it is SAMNet's; without stage 6 and "
    "its lateral convolution it comes closest"
)

BLOCKS = (
    "its paper leaves open which convolution of a block halves the resolution; normalization and "
    "activation are not counted here"
)

ELEMENTWISE = "normalization and activation, which are not counted here, make up the last digit"

SEGMENTATION = ("icnet", "bisenet_r18", "bisenet_x39", "dfanet")
"""Networks of semantic segmentation."""

REMARKS = {
    **dict.fromkeys(("mobilenet", "mobilenetv2", "shufflenetv2"), DECODER),
    **dict.fromkeys(("icnet", "dfanet"), BLOCKS),
    "bisenet_r18": ELEMENTWISE,
}


@dataclasses.dataclass
class Options:
    """What to write."""

    json: Path
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


@functools.cache
def published(name: str) -> PaperCost | None:
    """Return the paper's counts of a network by the name it has here; None where it has none."""
    for method in read_published():
        if method.name.lower().replace(" ", "_") == name:
            if method.params_M is None or method.gflops is None:
                return None
            size = SEGMENTATION_SIZE if name in SEGMENTATION else PAPER_SIZE
            return PaperCost(method.params_M, method.gflops, size, REMARKS.get(name, ""))
    return None


def cost(name: str) -> NetworkCost:
    """Count a network, and give the paper's counts where it is in the paper.

    Raises:
        InputError: for an unknown name, or if a library that it needs is not installed.
    """
    paper = published(name)
    with torch.device("meta"):
        model = build_model(name)
    return NetworkCost(
        name=name,
        parameters=parameters(model),
        multiply_adds=multiply_adds(model),
        multiply_adds_at_paper_size=multiply_adds(model, paper.size) if paper else None,
        paper=paper,
    )


def table(rows: Sequence[NetworkCost]) -> str:
    """Format the counts as aligned text, a line a network."""
    lines = [
        f"{'network':<14}{'parameters':>12}{'paper, M':>10}{'madds, M':>10}"
        f"{'size':>6}{'there, G':>10}{'paper, G':>10}"
    ]
    for row in rows:
        counted = f"{row.name:<14}{row.parameters:>12,}"
        madds = f"{row.multiply_adds / 1e6:>10.1f}"
        if row.paper is None or row.multiply_adds_at_paper_size is None:
            lines.append(f"{counted}{'-':>10}{madds}{'-':>6}{'-':>10}{'-':>10}")
            continue
        lines.append(
            f"{counted}{row.paper.parameters_M:>10.2f}{madds}{row.paper.size:>6}"
            f"{row.multiply_adds_at_paper_size / 1e9:>10.2f}{row.paper.gflops:>10.1f}"
        )
    return "\n".join(lines)


def main(options: Options) -> None:
    """Count, print the table and write the result file.

    Raises:
        InputError: if the result file exists and may not be overwritten, or cannot be written.
    """
    check_absent(options.json, overwrite=options.overwrite)
    rows = [cost(name) for name in CONFIGS]
    result = {"protocol": PROTOCOL, "networks": [dataclasses.asdict(row) for row in rows]}
    write_result(options.json, "cost", result, overwrite=options.overwrite)
    print(table(rows))


COMMAND = Command.of(Options, main, "Counts parameters and multiply-adds of every network.")

if __name__ == "__main__":
    COMMAND.run()
