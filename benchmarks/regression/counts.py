"""``samnet bench counts --json OUT``: figures that no machine changes.

Parameters and multiply-adds of every network; size, delegated share and accuracy on the embedded
photos of everything shipped. ``samnet bench regression`` holds a later state against it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from common.command import Command
from common.errors import InputError
from common.output_paths import check_absent
from common.progress import progress
from common.result_file import write_result
from edge_apps.manifest import hashes
from edge_apps.shipped import FOLDER, usable_models
from samnet.checkpoints.checkpoint import load_checkpoint
from samnet.data.embedded import embedded_photos
from samnet.evaluation.metrics import PROTOCOL, SaliencyMetrics
from samnet.evaluation.predictor import CHECKPOINT, load_predictor
from samnet.networks.cost import multiply_adds, parameters
from samnet.networks.registry import CONFIGS

WEIGHTS = Path(__file__).resolve().parents[2] / "samnet" / "weights"

NOTE = (
    "multiply_adds of a network by name: at 336 px, of weights at the size that they are for; "
    "bytes: of the file; delegated: share of the "
    "operations that the runtime's fast path takes, partitions: in how many pieces, both read from "
    "the file; max_F and MAE: on the embedded photos, too few to rank networks by."
)


@dataclasses.dataclass
class Options:
    """What to write."""

    json: Path
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def network_counts() -> dict[str, dict[str, float]]:
    """Count the parameters and multiply-adds of networks by their names."""
    from benchmarks.regression.cost import cost

    return {
        name: {"parameters": counted.parameters, "multiply_adds": counted.multiply_adds}
        for name, counted in ((name, cost(name)) for name in progress(CONFIGS, None, "networks"))
    }


def file_counts(path: Path) -> dict[str, float]:
    """Count what a checkpoint or an artifact costs.

    Raises:
        InputError: if it cannot be read or run.
    """
    from convert.inspect.inspection import read

    delegation = read(path)["delegation"]
    counts: dict[str, float] = {"bytes": path.stat().st_size}
    if path.suffix == CHECKPOINT:
        checkpoint = load_checkpoint(path)
        size = checkpoint.preprocessing.size
        counts |= {
            "parameters": parameters(checkpoint.model),
            "multiply_adds": multiply_adds(checkpoint.model, size),
        }
    if delegation is not None:
        outside = sum(delegation["outside"].values())
        share = delegation["inside"] / (delegation["inside"] + outside)
        counts |= {"delegated": round(share, 6), "partitions": delegation["partitions"]}
    predict = load_predictor(path, threads=1)
    metrics = SaliencyMetrics("fast")
    for item in embedded_photos():
        metrics.add(predict(item.photo), item.mask)
    scores = metrics.scores()
    return {**counts, "max_F": round(scores.max_F, 5), "MAE": round(scores.MAE, 5)}


def shipped_files() -> list[Path]:
    """List the weights and the artifacts that can run here."""
    return [*sorted(WEIGHTS.glob("*.safetensors")), *usable_models()]


def count() -> dict[str, Any]:
    """Count all networks and everything shipped, as a result file holds them.

    Raises:
        InputError: if a shipped file cannot be run.
    """
    files = shipped_files()
    counted = network_counts()
    for path in progress(files, len(files), "shipped files"):
        counted[path.name] = file_counts(path)
    return {"counts": counted, "protocol": f"{NOTE} {PROTOCOL}"}


def main(options: Options) -> None:
    """Count and write the result file.

    Raises:
        InputError: if it exists and may not be overwritten, or a shipped file cannot be run.
    """
    check_absent(options.json, overwrite=options.overwrite)
    if not usable_models():
        raise InputError(f"no artifact in {FOLDER} can run here; see samnet doctor")
    result = count()
    measured = hashes(*shipped_files())
    write_result(
        options.json, "counts", result, measured=measured, threads=1, overwrite=options.overwrite
    )
    for subject, values in result["counts"].items():
        print(f"{subject:<30} " + ", ".join(f"{key} {value:g}" for key, value in values.items()))


COMMAND = Command.of(Options, main, "Counts what does not depend on the machine.")

if __name__ == "__main__":
    COMMAND.run()
