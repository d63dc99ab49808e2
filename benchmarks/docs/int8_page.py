"""The tables of docs/int8.md: accuracy, latency, instructions and memory of int8 networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.shared.tables import markdown

Results = Mapping[str, Mapping[str, Any]]

SHOWN_MODULES = 12
"""Modules with a line of their own in the table of times."""

SENSITIVE = 6
"""Modules with a line of their own in the table of sensitivity."""

NETWORKS = ("samnet", "samnet-edge")
ENDINGS = {
    "float": ".safetensors",
    "PTQ, .tflite": "_192_int8.tflite",
    "PTQ, .pte": "_192_int8.pte",
    "QAT, .tflite": "_192_int8-qat.tflite",
    "QAT, .pte": "_192_int8-qat.pte",
}
"""Forms of a network, and how their files' names end."""


def triplet(results: Results, data: str = "ECSSD") -> str:
    """Tabulate max F and MAE of each network in float, after PTQ and after QAT, in both formats."""
    head = ["", *(f"`{network}`: max F, MAE" for network in NETWORKS)]
    rows = []
    for form, ending in ENDINGS.items():
        cells = [form]
        for network in NETWORKS:
            found = _scores(results, f"{data.lower()}_{network}{ending}", data)
            whole = _scores(results, f"{data.lower()}_{network}.safetensors", data)
            if found is None or whole is None:
                cells.append("–")
                continue
            text = f"{found['max_F']:.4f}, {found['MAE']:.4f}"
            if form != "float":
                change = (found[key] - whole[key] for key in ("max_F", "MAE"))
                text += " ({:+.4f}, {:+.4f})".format(*change)
            cells.append(text)
        rows.append(cells)
    return markdown(head, rows)


def latency(results: Results) -> str:
    """Tabulate latencies of one interleaved run, with ratios to the first of the same format."""
    result = results.get("latency_336")
    if result is None:
        return ""
    rows, first = [], dict[str, float]()
    for row in result["rows"]:
        if row["failure"]:
            continue
        it = row["latency_ms"]
        base = first.setdefault(row["engine"], it["median"])
        share = f"{it['median'] / base:.2f}"
        rows.append([f"`{row['file']}`", f"{it['median']:.1f}", f"{it['minimum']:.1f}", share])
    head = ["file", "median, ms", "minimum, ms", "to the first of its format"]
    return f"{markdown(head, rows)}\n\n{result['protocol']['text']}"


def instructions(results: Results) -> str:
    """Tabulate instructions of an inference on arm64 cores, with ratios to the first file's."""
    result = results.get("instructions_336")
    if result is None:
        return ""
    counted: Mapping[str, Mapping[str, int]] = result["instructions"]
    cores = list(next(iter(counted.values())))
    rows = [
        [
            f"`{name}`",
            *(f"{counts[c] / 1e6:.1f} ({result['ratio_to_first'][name][c]:.3f})" for c in cores),
        ]
        for name, counts in counted.items()
    ]
    head = ["millions of instructions (to the first)", *cores]
    return f"{markdown(head, rows)}\n\n{result['protocol']['note']}"


def memory(results: Results) -> str:
    """Tabulate the size of files and the peak memory of an inference."""
    result = results.get("memory_336")
    if result is None:
        return ""
    rows = [
        [f"`{row['file']}`", f"{row['file_MB']:.2f}", f"{row['peak_MB']:.1f}"]
        for row in result["rows"]
    ]
    return f"{markdown(['', 'file, MB', 'peak memory, MB'], rows)}\n\n{result['protocol']}"


def modules(results: Results) -> str:
    """Tabulate time by torch module of the profiled files, the most costly modules first."""
    result = results.get("profile_336")
    if result is None:
        return ""
    by_module: Mapping[str, list[float]] = result["by_module_microseconds"]
    ordered = sorted(by_module, key=lambda name: -max(by_module[name]))
    rows = [
        [f"`{name}`", *(f"{microseconds / 1000:.2f}" for microseconds in by_module[name])]
        for name in ordered[:SHOWN_MODULES]
    ]
    rows.append(["all", *(f"{p['microseconds'] / 1000:.2f}" for p in result["profiles"])])
    return markdown(["ms", *(f"`{Path(p['file']).name}`" for p in result["profiles"])], rows)


def sensitivity(results: Results) -> str:
    """Tabulate the modules that lose most when quantized alone, and what to keep in float."""
    result = results.get("sensitivity_samnet-edge")
    if result is None:
        return ""
    from quantize.sensitivity import sentence

    entries = [*result["rows"][:SENSITIVE], {"module": "all of them", "only": result["whole"]}]
    rows = [
        [
            f"`{it['module']}`" if "but" in it else it["module"],
            f"{it['only']['snr']:.1f}",
            f"{it['only']['max_F']:+.4f}",
            f"{it['but']['max_F']:+.4f}" if "but" in it else "–",
        ]
        for it in entries
    ]
    head = ["quantized alone", "SNR, dB", "change of max F", "the same, all others quantized"]
    return f"{markdown(head, rows)}\n\n{_measured_on(result)} {sentence(result['suggestion'])}"


def options(results: Results) -> str:
    """Tabulate observers and corrections of quantize.ptq: a row each, a column a network."""
    result = results.get("ptq_options")
    if result is None:
        return ""
    by_form: dict[str, list[str]] = {}
    for model in result["models"]:
        for row in model["rows"]:
            form = f"{row['observer']}, {row['correction']}" if row["observer"] else "float"
            snr = f", {row['snr']:.1f} dB" if row["observer"] else ""
            by_form.setdefault(form, []).append(f"{row['max_F']:.4f}, {row['MAE']:.4f}{snr}")
    head = ["observer, correction", *(f"`{Path(it['model']).stem}`" for it in result["models"])]
    rows = [[form, *cells] for form, cells in by_form.items()]
    return f"{markdown(head, rows)}\n\n{_measured_on(result)}"


def _measured_on(result: Mapping[str, Any]) -> str:
    data = result["data"]
    return f"{data['count']} photos of {data['name']}."


def _scores(results: Results, name: str, data: str) -> Mapping[str, Any] | None:
    found = results.get(name, {}).get("data", ())
    return next((scores for scores in found if scores["name"] == data), None)
