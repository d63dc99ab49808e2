"""The tables of docs/int8.md: accuracy, latency, instructions and memory of int8 networks."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.report.result_readers import file_name
from benchmarks.results.accuracy_kinds import Accuracy, PtqOptions, Sensitivity
from benchmarks.results.speed_kinds import Instructions, Latency, Profile
from benchmarks.shared.tables import markdown, number

SIZE = 336
"""Pixels at which speed is compared, the paper's."""

SHOWN_MODULES = 12
"""Modules with a line of their own in the table of times."""

SENSITIVE = 6
"""Modules with a line of their own in the table of sensitivity."""

NETWORKS = ("samnet-lite", "samnet-edge", "samnet")
ENDINGS = {
    "float": ".safetensors",
    "PTQ, .tflite": "_int8.tflite",
    "PTQ, .pte": "_int8.pte",
    "QAT, .tflite": "_int8-qat.tflite",
    "QAT, .pte": "_int8-qat.pte",
}
"""Forms of a network, and how their files' names end."""


def has_qat(result: Accuracy) -> bool:
    """Tell whether a result is of files after quantization-aware training."""
    return any("-qat" in row.file for row in result.rows)


def triplet(result: Accuracy, data: str = "ECSSD") -> str:
    """Tabulate max F and MAE of each network in float, after PTQ and after QAT, in both formats."""
    plain = [it for it in result.rows if it.last_step == "plain" and it.data == data]
    found = {re.sub(r"_\d+_", "_", it.file): it for it in plain}  # the size may stand in a name
    networks = [network for network in NETWORKS if f"{network}.safetensors" in found]
    head = ["", *(f"`{network}`: max F, MAE" for network in networks)]
    rows = []
    for form, ending in ENDINGS.items():
        cells = [form]
        for network in networks:
            row, whole = found.get(network + ending), found[f"{network}.safetensors"]
            if row is None:
                cells.append("–")
                continue
            text = f"{row.max_F:.4f}, {row.MAE:.4f}"
            if form != "float":
                text += f" ({row.max_F - whole.max_F:+.4f}, {row.MAE - whole.MAE:+.4f})"
            cells.append(text)
        rows.append(cells)
    return markdown(head, rows)


def is_ours(result: Latency) -> bool:
    """Tell whether a timing is of our files alone, in both precisions, at :data:`SIZE`."""
    named = all(row.network.startswith(("samnet", "stick-breaking")) for row in result.rows)
    sized = all(str(SIZE) in str(row.size) for row in result.rows)
    return named and sized and len({row.precision for row in result.rows}) > 1


def latency(result: Latency) -> str:
    """Tabulate latencies of one interleaved run, with ratios to the first of the same format."""
    rows, first = [], dict[str, float]()
    for row in result.rows:
        if (times := row.latency_ms) is None:
            continue
        share = times.median / first.setdefault(row.engine, times.median)
        cells = [f"{times.median:.1f}", f"{times.minimum:.1f}", f"{share:.2f}"]
        rows.append([f"`{row.file}`", *cells])
    head = ["file", "median, ms", "minimum, ms", "to the first of its format"]
    return f"{markdown(head, rows)}\n\n{result.protocol.text} On {result.environment.machine}."


def memory(result: Latency) -> str:
    """Size of files and peak memory of an inference, of the same run."""
    rows = [
        [f"`{row.file}`", number(row.megabytes, ".2f"), number(row.peak_MB, ".1f")]
        for row in result.rows
        if not row.failure
    ]
    return markdown(["", "file, MB", "peak memory, MB"], rows)


def has_several(result: Instructions) -> bool:
    """Tell whether a result compares networks of ours, and no others, on several cores."""
    files = [file_name(it) for it in result.instructions]
    several = len({it.network for it in files}) > 1 and all(it.ours for it in files)
    return several and all(len(counts) > 1 for counts in result.instructions.values())


def instructions(result: Instructions) -> str:
    """Tabulate instructions of an inference on arm64 cores, with ratios to the first file's."""
    cores = list(next(iter(result.instructions.values())))
    rows = [
        [
            f"`{name}`",
            *(f"{counts[c] / 1e6:.1f} ({result.ratio_to_first[name][c]:.3f})" for c in cores),
        ]
        for name, counts in result.instructions.items()
    ]
    head = ["millions of instructions (to the first)", *cores]
    return f"{markdown(head, rows)}\n\n{result.protocol.note}"


def modules(result: Profile) -> str:
    """Tabulate time by torch module of the profiled files, the most costly modules first."""
    by_module = result.by_module_microseconds
    ordered = sorted(by_module, key=lambda name: -max(by_module[name]))
    rows = [
        [f"`{name}`", *(f"{microseconds / 1000:.2f}" for microseconds in by_module[name])]
        for name in ordered[:SHOWN_MODULES]
    ]
    rows.append(["all", *(f"{it.microseconds / 1000:.2f}" for it in result.profiles)])
    return markdown(["ms", *(f"`{Path(it.file).name}`" for it in result.profiles)], rows)


def sensitivity(result: Sensitivity) -> str:
    """Tabulate the modules that lose most when quantized alone, and what to keep in float."""
    from quantize.sensitivity import sentence

    rows = [
        [
            f"`{it.module}`",
            f"{it.only.snr:.1f}",
            f"{it.only.max_F:+.4f}",
            f"{it.but.max_F:+.4f}",
        ]
        for it in result.rows[:SENSITIVE]
    ]
    rows.append(["all of them", f"{result.whole.snr:.1f}", f"{result.whole.max_F:+.4f}", "–"])
    head = ["quantized alone", "SNR, dB", "change of max F", "the same, all others quantized"]
    return f"{markdown(head, rows)}\n\n{result.data} {sentence(result.suggestion)}"


def options(result: PtqOptions) -> str:
    """Tabulate observers and corrections of PTQ: a row each, a column a network."""
    by_form: dict[str, list[str]] = {}
    for model in result.models:
        for row in model.rows:
            form = f"{row.observer}, {row.correction}" if row.observer else "float"
            snr = f", {row.snr:.1f} dB" if row.snr is not None else ""
            by_form.setdefault(form, []).append(f"{row.max_F:.4f}, {row.MAE:.4f}{snr}")
    head = ["observer, correction", *(f"`{Path(it.model).stem}`" for it in result.models)]
    rows = [[form, *cells] for form, cells in by_form.items()]
    return f"{markdown(head, rows)}\n\n{result.data}"
