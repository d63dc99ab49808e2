"""Sections of the report, made from result files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.accuracy.paired import BOOTSTRAP
from benchmarks.report import charts as report_charts
from benchmarks.report.pareto import ParetoEntry, file_megabytes
from benchmarks.report.recommendations import advice, advice_table
from benchmarks.report.result_readers import Accuracy, Results, Timing
from benchmarks.results.published import SOURCE, Method
from benchmarks.shared.charts import Chart
from benchmarks.shared.tables import MISSING, Table, number, signed
from common.errors import InputError


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
        results: contents of result files by name.
        timings: latencies in them.
        accuracies: scores in them.
        entries: where both were measured, on the main data set.
        data: name of the main data set.
        methods: published.
    """

    results: Results
    timings: Sequence[Timing]
    accuracies: Sequence[Accuracy]
    pareto_entries: Sequence[ParetoEntry]
    data: str
    methods: Sequence[Method]

    @property
    def main(self) -> list[Accuracy]:
        """Scores on the main data set, the best first."""
        rows = [row for row in self.accuracies if row.data == self.data]
        return sorted(rows, key=lambda row: -row.max_F)


def sections(result_index: ResultIndex) -> list[Section]:
    """Build all sections for which there are figures, the summary first.

    Raises:
        InputError: if a result file is not as it should be.
    """
    parts = (devices, cost, int8, accuracy, latency, counts, curves, sensitivity)
    found = []
    for part in parts:
        try:
            section = part(result_index)
        except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise InputError(
                f"results for “{part.__name__}” are not as their command writes them ({error!r}); "
                "measure anew"
            ) from error
        if section.tables or section.charts:
            found.append(section)
    return found


def devices(result_index: ResultIndex) -> Section:
    """Say which file to use on which device, and why."""
    found = advice(
        result_index.pareto_entries,
        result_index.accuracies,
        result_index.results,
        result_index.data,
    )
    return Section("Which file for which device", (advice_table(found),) if found else ())


def cost(result_index: ResultIndex) -> Section:
    """Show accuracy against latency and size, and beside the published methods."""
    charts = []
    if result_index.pareto_entries:
        note = "Latency on one thread, batch 1."
        charts.append(
            report_charts.against_cost(result_index.pareto_entries, result_index.data, note)
        )
    ours, count = [], 0
    networks = {n["name"]: n for r in result_index.results.values() for n in r.get("networks", ())}
    for row in result_index.main:
        network = networks.get(row.file.network)
        if network is not None and row.file.suffix == ".safetensors":
            madds = network["multiply_adds"] / 1e9
            ours.append((row.file.network, network["parameters"] / 1e6, madds, row.max_F))
            count = row.count
    if ours:
        data = result_index.data
        charts.append(report_charts.beside_published(result_index.methods, ours, data, count))
    return Section("Accuracy against cost", (), tuple(charts))


def int8(result_index: ResultIndex) -> Section:
    """Show int8 against the float network it was made from."""
    paired = [pair for result in result_index.results.values() for pair in result.get("paired", ())]
    tables, charts = [], []
    if paired:
        rows = tuple(_paired_row(pair) for pair in paired)
        head = ("", "against", "photos", "max F (interval)", "MAE (interval)")
        tables.append(Table((*head, "worse photos", "worst photo, MAE"), rows, (BOOTSTRAP,)))
        charts.append(report_charts.changes(paired))
    if rows := tuple(_gains(result_index)):
        head = ("", "latency, ms", "faster", "file, MB", "smaller")
        tables.append(Table(head, rows, ("float → int8, timed in the same run.",)))
    return Section("int8 against float", tuple(tables), tuple(charts))


def accuracy(result_index: ResultIndex) -> Section:
    """Show everything that was evaluated, and the published methods."""
    if not result_index.accuracies:
        return Section("Accuracy")
    names = dict.fromkeys((result_index.data, *(row.data for row in result_index.accuracies)))
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


def accuracy_table(data: str, rows: Iterable[Accuracy]) -> Table:
    """Tabulate scores on a data set, a row an evaluation, the best first."""
    cells: list[tuple[str, ...]] = []
    for row in sorted((row for row in rows if row.data == data), key=lambda row: -row.max_F):
        whole = row.published_count in (None, row.count)
        photos = str(row.count) if whole else f"{row.count} of {row.published_count}"
        scores = (number(row.scores.get(key)) for key in ("weighted_F", "S", "E_max"))
        size = str(row.size or MISSING)
        cells.append((row.name, photos, size, f"{row.max_F:.3f}", f"{row.MAE:.3f}", *scores))
    head: tuple[str, ...] = (data, "photos", "px", "max F", "MAE", "weighted F", "S", "E")
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
    for name in dict.fromkeys(row.result for row in result_index.timings):
        rows = [row for row in result_index.timings if row.result == name]
        result = result_index.results[name]
        cells = tuple(_timing_row(row, sizes) for row in rows)
        head: tuple[str, ...] = ("", "engine", "px", "threads", "median, ms", "least")
        head = (*head, "file, MB", "peak, MB")
        if {row.threads for row in rows} == {1}:
            cells = tuple((*cell[:3], *cell[4:]) for cell in cells)
            head = (*head[:3], *head[4:])
        machine = result.get("environment", {}).get("cpu", "a machine that was not noted")
        note = f"{protocol_text(result)} On {machine}. From {name}.json."
        tables.append(Table(head, cells, (*_remarks(rows), note)).without_empty())
    text = (
        "What stands in one table ran in turn, on one machine; on one thread unless a column says "
        "otherwise."
    )
    return Section("Latency", tuple(tables), text=text)


def counts(result_index: ResultIndex) -> Section:
    """Show parameters, multiply-adds, and instructions on arm64 cores."""
    tables = []
    for result in result_index.results.values():
        if networks := result.get("networks"):
            head = ("", "parameters, M", "Table II", "madds, G", "at, px", "Table III")
            rows = tuple(_network_row(network) for network in networks)
            note = "Parameters and multiply-adds, beside those of the paper's tables."
            tables.append(Table(head, rows, (note,)))
        if counted := result.get("instructions"):
            cores = list(next(iter(counted.values())))
            rows = tuple(
                (name, *(f"{of_core[core] / 1e6:.1f}" for core in cores))
                for name, of_core in counted.items()
            )
            notes = ("Millions of instructions.", protocol_text(result))
            tables.append(Table(("", *cores), rows, notes))
    return Section("Counts, the same on every machine", tuple(tables))


def curves(result_index: ResultIndex) -> Section:
    """Show precision against recall."""
    rows = result_index.main
    charts = (report_charts.precision_recall(rows, result_index.data),) if rows else ()
    return Section("Precision and recall", charts=charts)


def sensitivity(result_index: ResultIndex) -> Section:
    """Show what quantizing each module loses."""
    charts, text = [], []
    for result in result_index.results.values():
        if result.keys() >= {"rows", "whole", "suggestion"}:
            from quantize.sensitivity import sentence

            charts.append(report_charts.sensitivity(result))
            text.append(sentence(result["suggestion"]))
    return Section("Sensitivity to int8", charts=tuple(charts), text=" ".join(text))


def protocol_text(result: Mapping[str, Any]) -> str:
    """Describe how a result was measured, in a sentence."""
    protocol = result.get("latency_protocol", result.get("protocol", ""))
    if isinstance(protocol, str):
        return protocol
    if "text" in protocol:
        return str(protocol["text"])
    if {"threads", "repetitions", "warm_up", "cores", "running"} == protocol.keys():
        from benchmarks.shared.timing import Protocol

        return Protocol(**{**protocol, "cores": tuple(protocol["cores"])}).describe()
    sentences = [value.rstrip(".") for value in protocol.values() if isinstance(value, str)]
    # A name such as qemu-aarch64 keeps its small letter.
    return " ".join(
        f"{text[:1].upper() + text[1:] if text.split()[0].isalpha() else text}."
        for text in sentences
    )


_PAPER = ("max_F", "MAE", "weighted_F", "S")


def _paired_row(pair: Mapping[str, Any]) -> tuple[str, ...]:
    changes = {change["figure"]: change for change in pair["changes"]}
    texts = [
        f"{signed(it['change'])} ({signed(it['low'])} to {signed(it['high'])})"
        for it in (changes["max_F"], changes["MAE"])
    ]
    worst = pair["photos"][0]
    photos = f"{pair['data']}, {pair['count']}"
    lost = f"{worst['stem']}: {worst['before']:.3f} → {worst['after']:.3f}"
    return (pair["name"], pair["reference"], photos, *texts, str(pair["worse"]), lost)


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


def _network_row(network: Mapping[str, Any]) -> tuple[str, ...]:
    paper = network.get("paper")
    madds = network["multiply_adds_at_paper_size"] if paper else network["multiply_adds"]
    return (
        network["name"],
        f"{network['parameters'] / 1e6:.2f}",
        f"{paper['parameters_M']:.2f}" if paper else MISSING,
        f"{madds / 1e9:.2f}",
        str(paper["size"] if paper else 336),
        f"{paper['gflops']:.1f}" if paper else MISSING,
    )
