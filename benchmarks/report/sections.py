"""Sections of the report, made from result files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath

from benchmarks.accuracy.paired import BOOTSTRAP
from benchmarks.report import charts as report_charts
from benchmarks.report.cores import cores_table
from benchmarks.report.pareto import ParetoEntry, file_megabytes
from benchmarks.report.recommendations import advice, advice_table
from benchmarks.report.result_readers import Scored, Timing, comparisons
from benchmarks.results.accuracy_kinds import PairedScores, Sensitivity
from benchmarks.results.published import SOURCE, Method
from benchmarks.results.reader import Results, newest, of_kind
from benchmarks.results.speed_kinds import (
    Cost,
    Instructions,
    Latency,
    ModuleBound,
    NetworkCost,
    Profile,
)
from benchmarks.shared.charts import Chart
from benchmarks.shared.tables import MISSING, Table, number, signed
from samnet.evaluation.metrics import HEADLINES
from samnet.networks.cost import PAPER_SIZE

SHOWN_MODULES = 12
"""Modules with a line of their own in the table of times."""


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the report.

    Args:
        title: its heading.
        tables: in both forms of the report.
        charts: in the HTML alone.
        text: sentences under the heading.
    """

    title: str
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    text: str = ""


@dataclasses.dataclass(frozen=True)
class ResultIndex:
    """All that the report is made from.

    Args:
        results: by the names of their files.
        timings: latencies in them.
        accuracies: scores in them.
        pareto_entries: where both were measured, on the main data set.
        data: name of the main data set.
        methods: published.
    """

    results: Results
    timings: Sequence[Timing]
    accuracies: Sequence[Scored]
    pareto_entries: Sequence[ParetoEntry]
    data: str
    methods: Sequence[Method]

    @property
    def main(self) -> list[Scored]:
        """Scores of plain and given maps on the main data set, the best first."""
        rows = [it for it in self.accuracies if it.row.data == self.data]
        plain = [it for it in rows if it.row.last_step != "refined"]
        return sorted(plain, key=lambda it: -it.row.max_F)


def sections(result_index: ResultIndex) -> list[Section]:
    """Make all parts for which there are figures, the summary first."""
    return [section for part in PARTS if (section := part(result_index)).tables or section.charts]


def devices(result_index: ResultIndex) -> Section:
    """Say which file to use on which device, and why."""
    found = advice(
        result_index.pareto_entries,
        result_index.accuracies,
        result_index.results,
        result_index.data,
    )
    tables = (advice_table(found), cores_table(result_index.results)) if found else ()
    return Section("Which file for which device", tables)


def cost(result_index: ResultIndex) -> Section:
    """Show accuracy against latency and size, and beside the published methods."""
    charts = []
    if result_index.pareto_entries:
        note = "Latency on one thread, batch 1."
        charts.append(
            report_charts.against_cost(result_index.pareto_entries, result_index.data, note)
        )
    cost_result = newest(result_index.results, Cost)
    networks = {it.name: it for it in cost_result.networks} if cost_result else {}
    ours, count = [], 0
    for it in result_index.main:
        network = networks.get(it.file.network)
        if network is not None and it.row.origin == "checkpoint":
            madds = network.multiply_adds / 1e9
            ours.append((it.file.network, network.parameters / 1e6, madds, it.row.max_F))
            count = it.row.count
    if ours:
        data = result_index.data
        charts.append(report_charts.beside_published(result_index.methods, ours, data, count))
    return Section("Accuracy against cost", (), tuple(charts))


def int8(result_index: ResultIndex) -> Section:
    """Show int8 against the float network it was made from."""
    compared = comparisons(result_index.results)
    tables, charts = [], []
    if compared:
        rows = tuple(_paired_row(it.pair) for it in compared)
        head = ("", "against", "photos", "max F (interval)", "MAE (interval)")
        tables.append(Table((*head, "worse photos", "worst photo, MAE"), rows, (BOOTSTRAP,)))
        charts.append(report_charts.changes(compared))
    if rows := tuple(_gains(result_index)):
        head = ("", "latency, ms", "faster", "file, MB", "smaller")
        tables.append(Table(head, rows, ("float → int8, timed in the same run.",)))
    return Section("int8 against float", tuple(tables), tuple(charts))


def accuracy(result_index: ResultIndex) -> Section:
    """Show everything that was evaluated, and the published methods."""
    if not result_index.accuracies:
        return Section("Accuracy")
    names = dict.fromkeys((result_index.data, *(it.row.data for it in result_index.accuracies)))
    tables = [accuracy_table(name, result_index.accuracies) for name in names]
    published = [
        (method.name, *(number(getattr(method.scores[result_index.data], k)) for k in _PAPER))
        for method in result_index.methods
        if result_index.data in method.scores
    ]
    if published:
        head = ("published", "max F", "MAE", "weighted F", "S")
        notes = (f"{SOURCE}, all photos of {result_index.data}.",)
        tables.append(Table(head, tuple(published), notes))
    return Section("Accuracy", tuple(tables))


def accuracy_table(data: str, accuracies: Iterable[Scored]) -> Table:
    """Tabulate scores on a data set, a row an evaluation, the best first."""
    rows = sorted((it.row for it in accuracies if it.row.data == data), key=lambda it: -it.max_F)
    cells: list[tuple[str, ...]] = []
    for row in rows:
        whole = row.published_count in (None, row.count)
        photos = str(row.count) if whole else f"{row.count} of {row.published_count}"
        scores = (number(row.values[field]) for field in HEADLINES)
        cells.append((row.name, photos, str(row.size or MISSING), *scores))
    titles = (it.title for it in HEADLINES.values())
    head: tuple[str, ...] = (data, "photos", "px", *titles)
    counts = {cell[1] for cell in cells}
    note = data
    if len(counts) == 1:
        # The same in every row, and a phone is three figures wide.
        note = f"{data}, {counts.pop()} photos"
        cells = [(cell[0], *cell[2:]) for cell in cells]
        head = (head[0], *head[2:])
    return Table(head, tuple(cells), (f"{note}.",))


def latency(result_index: ResultIndex) -> Section:
    """Show a table a result file, since only what ran in turn can be compared."""
    tables = []
    sizes = file_megabytes(result_index.timings, result_index.results)
    for name, result in of_kind(result_index.results, Latency).items():
        rows = [row for row in result_index.timings if row.result == name]
        cells = tuple(_timing_row(row, sizes) for row in rows)
        head: tuple[str, ...] = ("", "engine", "px", "threads", "median, ms", "least")
        head = (*head, "file, MB", "peak, MB")
        if {row.threads for row in rows} == {1}:
            cells = tuple((*cell[:3], *cell[4:]) for cell in cells)
            head = (*head[:3], *head[4:])
        note = f"{result.protocol.text} On {result.environment.machine}. From {name}.json."
        tables.append(Table(head, cells, (*_remarks(rows), note)).without_empty())
    text = (
        "What stands in one table ran in turn, on one machine; on one thread unless a column says "
        "otherwise."
    )
    return Section("Latency", tuple(tables), text=text)


def profile(result_index: ResultIndex) -> Section:
    """Show where the time of profiled files goes, and what bounds it where that was measured."""
    result = newest(result_index.results, Profile)
    if result is None:
        return Section("Where the time goes")
    times = result.by_module_microseconds
    bounds = result.bound_by_module or tuple(dict[str, ModuleBound]() for _ in result.profiles)
    rows = []
    for module in sorted(times, key=lambda name: -max(times[name]))[:SHOWN_MODULES]:
        cells = [module]
        for microseconds, found in zip(times[module], bounds, strict=True):
            cells += [
                f"{microseconds / 1000:.2f}",
                found[module].by if module in found else MISSING,
            ]
        rows.append(tuple(cells))
    head = [""]
    for it in result.profiles:
        head += [f"{PurePath(it.file).name}, ms", "bound by"]
    note = "Bound by: whether products or bytes would take the core at least half of that time."
    notes = (note,) if result.bound_by_module else ()
    return Section("Where the time goes", (Table(tuple(head), tuple(rows), notes).without_empty(),))


def counts(result_index: ResultIndex) -> Section:
    """Show parameters, multiply-adds, and instructions on arm64 cores."""
    tables = []
    if costs := newest(result_index.results, Cost):
        head = ("", "parameters, M", "Table II", "madds, G", "at, px", "Table III")
        rows = tuple(_network_row(network) for network in costs.networks)
        note = "Parameters and multiply-adds, beside those of the paper's tables."
        tables.append(Table(head, rows, (note,)))
    for result in of_kind(result_index.results, Instructions).values():
        cores = list(next(iter(result.instructions.values())))
        rows = tuple(
            (name, *(f"{of_core[core] / 1e6:.1f}" for core in cores))
            for name, of_core in result.instructions.items()
        )
        notes = ("Millions of instructions.", str(result.protocol))
        tables.append(Table(("", *cores), rows, notes))
    return Section("Counts, the same on every machine", tuple(tables))


def curves(result_index: ResultIndex) -> Section:
    """Show precision against recall."""
    rows = result_index.main
    charts = (report_charts.precision_recall(rows, result_index.data),) if rows else ()
    return Section("Precision and recall", charts=charts)


def sensitivity(result_index: ResultIndex) -> Section:
    """Show what quantizing each module loses."""
    from quantize.sensitivity import sentence

    found = of_kind(result_index.results, Sensitivity).values()
    charts = tuple(report_charts.sensitivity(result) for result in found)
    text = " ".join(sentence(result.suggestion) for result in found)
    return Section("Sensitivity to int8", charts=charts, text=text)


PARTS: tuple[Callable[[ResultIndex], Section], ...] = (
    devices,
    cost,
    int8,
    accuracy,
    latency,
    profile,
    counts,
    curves,
    sensitivity,
)
"""The parts in their order; whoever adds one adds its function here."""

_PAPER = ("max_F", "MAE", "weighted_F", "S")


def _paired_row(pair: PairedScores) -> tuple[str, ...]:
    texts = [
        f"{signed(it.change)} ({signed(it.low)} to {signed(it.high)})"
        for it in (pair.of("max_F"), pair.of("MAE"))
    ]
    worst = pair.photos[0]
    photos = f"{pair.data}, {pair.count}"
    lost = f"{worst.stem}: {worst.before:.3f} → {worst.after:.3f}"
    return (pair.name, pair.reference, photos, *texts, str(pair.worse), lost)


def _gains(result_index: ResultIndex) -> Iterable[tuple[str, ...]]:
    """Tabulate what int8 gains in each format: forms of one network and size from one result."""
    sizes = file_megabytes(result_index.timings, result_index.results)
    timed = [t for t in result_index.timings if t.median is not None and t.threads == 1]
    for low in timed:
        for high in timed:
            same = all(
                getattr(low, key) == getattr(high, key) for key in ("result", "size", "engine")
            )
            alike = low.file.network == high.file.network and low.file.suffix == high.file.suffix
            if not (same and alike and (high.precision, low.precision) == ("fp32", "int8")):
                continue
            assert low.median is not None
            assert high.median is not None
            files = (sizes.get(high.file.text), sizes.get(low.file.text))
            smaller = f"{files[0] / files[1]:.1f} ×" if files[0] and files[1] else MISSING
            yield (
                f"{low.file.network}, {low.engine}, {low.size} px",
                f"{high.median:.1f} → {low.median:.1f}",
                f"{high.median / low.median:.1f} ×",
                f"{number(files[0], '.1f')} → {number(files[1], '.1f')}",
                smaller,
            )


def _timing_row(row: Timing, sizes: Mapping[str, float]) -> tuple[str, ...]:
    return (
        row.file.text,
        f"{row.engine} {row.precision}",
        str(row.size or MISSING),
        str(row.threads),
        "failed" if row.failure else number(row.median, ".1f"),
        number(row.minimum, ".1f"),
        number(sizes.get(row.file.text), ".1f"),
        number(row.peak_MB, ".0f"),
    )


def _remarks(rows: Sequence[Timing]) -> Iterable[str]:
    """List what to know of networks, then why some rows have no times."""
    yield from dict.fromkeys(
        f"{row.file.network}: {row.remark.rstrip('.')}." for row in rows if row.remark
    )
    for row in rows:
        if row.failure:
            yield f"{row.file.network}, {row.engine} {row.precision}: {row.failure.rstrip('.')}."


def _network_row(network: NetworkCost) -> tuple[str, ...]:
    paper = network.paper
    madds = network.multiply_adds_at_paper_size or network.multiply_adds
    return (
        network.name,
        f"{network.parameters / 1e6:.2f}",
        f"{paper.parameters_M:.2f}" if paper else MISSING,
        f"{madds / 1e9:.2f}",
        str(paper.size if paper else PAPER_SIZE),
        f"{paper.gflops:.1f}" if paper else MISSING,
    )
