"""Recommends a file for each kind of device from measured latency and accuracy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from benchmarks.report.pareto import ParetoEntry
from benchmarks.report.result_readers import FileName, Scored, file_name, side
from benchmarks.results.reader import Results, of_kind
from benchmarks.results.speed_kinds import Instructions, Latency
from benchmarks.shared.tables import Table
from edge_apps.shipped import FOLDER

SLACK = 0.01
"""How far below the most accurate of our forms in max F one may stand that is chosen for speed."""

CORES = {
    "cortex-a76": "Raspberry Pi 5 (Cortex-A76)",
    "cortex-a72": "Raspberry Pi 4 (Cortex-A72)",
    "cortex-a53": "Raspberry Pi 3 (Cortex-A53)",
}
"""Cores on which instructions are counted, and what has them."""

RULE = (
    f"Chosen among our forms whose max F is at most {SLACK} below the best one's: for arm64 by "
    "instructions counted under emulation, which are no latency; for x86 by latency; for accuracy "
    "by max F less MAE."
)


@dataclasses.dataclass(frozen=True)
class Advice:
    """A file for a device, and why."""

    device: str
    file: str
    why: str


def advice(
    pareto_entries: Sequence[ParetoEntry],
    accuracies: Sequence[Scored],
    results: Results,
    data: str,
) -> list[Advice]:
    """Advise what to run where; a device without a figure to choose by is left out."""
    scored = _ours(accuracies, data)
    if not scored:
        return []
    least = _least(scored)
    able = {family(it.file) for it in scored if it.row.max_F >= least}
    rows = accurate(pareto_entries, accuracies, data)
    found = [*_by_instructions(results, able, scored), *_by_latency(rows)]
    found += _by_memory(results, able)
    top = max(scored, key=lambda it: it.row.max_F - it.row.MAE).row
    found.append(
        Advice(
            "Where accuracy counts most",
            top.file,
            f"max F {top.max_F:.3f}, MAE {top.MAE:.3f} on {top.count} photos of {data}",
        )
    )
    return found


def accurate(
    pareto_entries: Sequence[ParetoEntry], accuracies: Sequence[Scored], data: str
) -> list[ParetoEntry]:
    """Select our forms that are accurate enough to be chosen for speed."""
    scored = _ours(accuracies, data)
    return [row for row in pareto_entries if row.file.ours and row.max_F >= _least(scored)]


def advice_table(found: Sequence[Advice]) -> Table:
    """Tabulate the advice, a row a device."""
    rows = tuple((it.device, f"`{it.file}`", it.why) for it in found)
    return Table(("device", "file", "why"), rows, (RULE,) if found else ())


def family(file: FileName) -> tuple[str, str | None, str]:
    """Name what files of different sizes have in common: network, precision and format."""
    return file.network, file.precision, file.suffix


def _ours(accuracies: Iterable[Scored], data: str) -> list[Scored]:
    """Plain maps of our files on a data set."""
    plain = (it for it in accuracies if it.row.data == data and it.row.last_step == "plain")
    return [it for it in plain if it.file.ours]


def _least(scored: Sequence[Scored]) -> float:
    """Compute the max F that a form needs to be chosen for speed."""
    return max((it.row.max_F for it in scored), default=0.0) - SLACK


def _by_instructions(
    results: Results, able: set[tuple[str, str | None, str]], scored: Sequence[Scored]
) -> list[Advice]:
    counted: dict[str, dict[str, int]] = {}
    for result in of_kind(results, Instructions).values():
        for name, cores in result.instructions.items():
            # A result may be of some cores alone; networks of others are no advice.
            if file_name(name).ours:
                counted[name] = {**counted.get(name, {}), **cores}
    found = []
    for core, device in CORES.items():
        counts = {name: cores[core] for name, cores in counted.items() if core in cores}
        fewest = min(
            (name for name in counts if family(file_name(name)) in able),
            key=counts.__getitem__,
            default=None,
        )
        if fewest is None:
            continue
        file = file_name(fewest)
        most = max(counts, key=counts.__getitem__)
        at = f" at {file.size} px" if file.size else ""
        why = f"{counts[fewest] / 1e6:.0f} M instructions a photo{at}"
        if most != fewest:
            why += f", {counts[fewest] / counts[most]:.2f} of {most}'s"
        chosen = _shipped(file) or file
        row = next((it.row for it in scored if it.file.text == chosen.text), None)
        if row is not None:
            why += f"; max F {row.max_F:.3f} at {row.size} px"
        found.append(Advice(device, chosen.text, why))
    return found


def _by_latency(rows: Sequence[ParetoEntry]) -> list[Advice]:
    found = []
    for suffix, device in ((None, "Desktop or server, {}"), (".pte", "Apps that use ExecuTorch")):
        fitting = [row for row in rows if suffix in (None, row.file.suffix)]
        if not fitting:
            continue
        fast = min(fitting, key=lambda row: row.median)
        why = f"{fast.median:.1f} ms a photo on one thread"
        slow = max(
            (row for row in rows if row.file.network == fast.file.network),
            key=lambda row: row.median,
        )
        if slow is not fast:
            why += f", {slow.engine} {slow.precision} {slow.median:.1f} ms"
        found.append(
            Advice(device.format(fast.core), fast.file.text, f"{why}; max F {fast.max_F:.3f}")
        )
    return found


def _by_memory(results: Results, able: set[tuple[str, str | None, str]]) -> list[Advice]:
    """Choose the form of ours that needs least, beside the one of the same run that needs most."""
    runs = [
        [it for it in result.rows if it.peak_MB is not None and file_name(it.file).ours]
        for result in of_kind(results, Latency).values()
    ]
    fitting = [(it, run) for run in runs for it in run if family(file_name(it.file)) in able]
    if not fitting:
        return []
    least, run = min(fitting, key=lambda it: it[0].peak_MB or 0.0)
    most = max(run, key=lambda it: it.peak_MB or 0.0)
    if most is least:
        return []
    chosen = _shipped(file_name(least.file)) or file_name(least.file)
    at = side(least.size) or file_name(least.file).size
    why = f"{least.peak_MB:.0f} MB at most{f' at {at} px' if at else ''}"
    engine = most.label.removesuffix(f" {most.precision}")
    return [
        Advice(
            "Little memory", chosen.text, f"{why}, {most.file} by {engine} {most.peak_MB:.0f} MB"
        )
    ]


def _shipped(file: FileName) -> FileName | None:
    """Find the file of the same family that comes with the package."""
    names = (file_name(path.name) for path in sorted(FOLDER.glob(f"*{file.suffix}")))
    return next((name for name in names if family(name) == family(file)), None)
