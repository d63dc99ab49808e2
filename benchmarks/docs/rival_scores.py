"""Accuracy and instructions of forms of networks, found in all results by what they are of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.table import PEERS
from benchmarks.report.result_readers import file_name
from benchmarks.results.accuracy_kinds import Accuracy
from benchmarks.results.published import Method
from benchmarks.results.reader import Results, is_current, of_kind, stale
from benchmarks.results.speed_kinds import Instructions
from benchmarks.shared.tables import MISSING
from samnet.data.published import LAYOUTS
from samnet.evaluation.score_row import ScoreRow

SETS = ("DUTS-TE", "ECSSD")
"""Data sets of tables; pictures show the first one."""

PHOTOS = f"photos: {' / '.join(SETS)}"
"""Title of the column of their counts."""

PEOPLE = "people only"
"""Behind the names of networks that were not made for what is salient."""

CORE = "cortex-a76"
"""Of the Raspberry Pi 5."""


def scores_of(results: Results, name: str, precision: str) -> dict[str, ScoreRow]:
    """Find the scores of a form's plain maps by data set, the newest of each.

    Of ours, those of the shipped weights count, or of an int8 file that was made from them without
    further training; a network of others has the same maps in each of its files.

    Args:
        results: all of them.
        name: of a network, ours or a key of ``PEERS``.
        precision: of its arithmetic.
    """
    rows = [row for it in of_kind(results, Accuracy).values() for row in it.rows]
    if name in PEERS:
        found = [it for it in rows if it.origin == "peer" and Path(it.file).stem == name]
    else:
        found = [it for it in rows if it.last_step == "plain" and _is_form(it, name, precision)]
    return {row.data: row for row in found if row.data in SETS}


def instructions_of(results: Results) -> dict[str, int]:
    """Read the instructions of an inference on a Cortex-A76 by file, the newest of each.

    Those of other weights of ours do not count: channels may have been pruned since. A baseline has
    one form, whatever its weights.
    """
    found = {}
    for result in of_kind(results, Instructions).values():
        earlier = stale(result)
        for file, counts in result.instructions.items():
            named = file_name(file)
            of_earlier = named.ours and f"{named.network}.safetensors" in earlier
            if CORE in counts and file not in earlier and not of_earlier:
                found[file] = counts[CORE]
    return found


def pair(score: float | None, error: float | None) -> str:
    """Format max F and MAE."""
    return MISSING if score is None or error is None else f"{score:.3f} / {error:.3f}"


def scored(row: ScoreRow | None) -> str:
    """Format a row's scores."""
    return MISSING if row is None else pair(row.max_F, row.MAE)


def photos(counts: Mapping[str, int]) -> str:
    """Tell how many photos of each data set scores stand on, for the column ``PHOTOS``."""
    found = [f"{counts[name]:,}" if name in counts else MISSING for name in SETS]
    return " / ".join(found) if counts else MISSING


def counts_of(scores: Mapping[str, ScoreRow]) -> dict[str, int]:
    """Count the photos of each data set."""
    return {data: row.count for data, row in scores.items()}


def published_counts(method: Method) -> dict[str, int]:
    """Count the photos that a published row stands on: all of each set."""
    return {name: LAYOUTS[name].count for name in SETS if name in method.scores}


def for_people(name: str) -> bool:
    """Tell whether a network was made for people alone, and not for what is salient."""
    return name in PEERS and PEERS[name].people


def title_of(name: str) -> str:
    """Name a network in tables: ours as it is called here, one of others with what it finds."""
    if name not in PEERS:
        return f"`{name}`"
    return f"{PEERS[name].title} ({PEOPLE})" if for_people(name) else PEERS[name].title


def _is_form(row: ScoreRow, name: str, precision: str) -> bool:
    weights = f"{name}.safetensors"
    if precision == "fp32":
        return row.file == weights and is_current(weights, row.sha256)
    made = row.file.startswith(f"{name}_") and precision in row.file and "-qat" not in row.file
    return made and is_current(weights, row.source_sha256)
