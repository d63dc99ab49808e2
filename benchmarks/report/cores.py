"""Which file is for which kind of core, with what int8 takes of float32 there."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.report.result_readers import FileName, file_name
from benchmarks.results.reader import Results, of_kind, stale
from benchmarks.results.speed_kinds import Instructions, Latency
from benchmarks.shared.tables import MISSING, Table
from edge_apps.recommendation import CORES, Core, conversion, core, recommended_files

COUNTED = {
    "cortex-a53": "arm without dot products",
    "cortex-a72": "arm without dot products",
    "cortex-a76": "arm with dot products",
}
"""Cores on which instructions are counted, and their kind."""

HEAD = ("core", "file", "int8 to float32", "why")

NOTE = (
    "int8 to float32: of the same network in LiteRT, one thread; for x86 of its time, for arm of "
    "its instructions under emulation, which are no latency."
)


def cores_table(results: Results) -> Table:
    """Tabulate a row a kind of core; what was not measured on it is left open."""
    rows, notes = [], [NOTE]
    for kind in CORES:
        shares = _counted(kind, results)
        if (result := _timing(kind, results)) is not None:
            shares = _timed(result)
            notes.append(f"{kind.name}: {result.environment.machine}.")
        rows.append((kind.name, _file(kind), ", ".join(shares) or MISSING, f"{kind.reason}."))
    unshipped = {it.precision for it in CORES if not recommended_files(it.precision)}
    notes += [f"Not shipped, since it is large: `{conversion(it)}`." for it in sorted(unshipped)]
    return Table(HEAD, tuple(rows), tuple(notes))


def _file(kind: Core) -> str:
    files = recommended_files(kind.precision)
    name = files[0].name if files else conversion(kind.precision).rpartition(" ")[2]
    return f"`{name}`"


def _timing(kind: Core, results: Results) -> Latency | None:
    """Find the newest result that timed a network in both precisions on a kind of core."""
    for result in reversed(of_kind(results, Latency).values()):
        here = core(result.environment.cpu_features) is kind
        if here and not stale(result) and _timed(result):
            return result
    return None


def _timed(result: Latency) -> list[str]:
    times = {
        named: row.latency_ms.median
        for row in result.rows
        if row.file.endswith(".tflite") and row.threads == 1 and row.latency_ms
        if (named := file_name(row.file, row.network)).ours
    }
    return _shares(times)


def _counted(kind: Core, results: Results) -> list[str]:
    """Give the ratios of instructions on the cores of a kind."""
    found = [
        f"{share} ({name})"
        for result in of_kind(results, Instructions).values()
        for name, counted in COUNTED.items()
        if counted == kind.name
        for share in _shares(
            {
                file_name(file): float(cores[name])
                for file, cores in result.instructions.items()
                if name in cores and file.endswith(".tflite") and file_name(file).ours
            }
        )
    ]
    # A network may be counted in several results, to the same ratio.
    return list(dict.fromkeys(found))


def _shares(costs: Mapping[FileName, float]) -> list[str]:
    """Divide what int8 costs by what float32 does, network by network at one size."""
    return [
        f"{low.network} {cost / costs[high]:.2f}"
        for low, cost in costs.items()
        for high in costs
        if (low.network, low.size) == (high.network, high.size)
        and (low.precision, high.precision) == ("int8", "fp32")
    ]
