"""The tables of docs/benchmarks.md: latency of all forms, and the cost of the paper's networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.latency.table import markdown
from benchmarks.shared import tables

Results = Mapping[str, Mapping[str, Any]]


def latency(results: Results, name: str = "latency") -> str:
    """Tabulate the timing of a result, with what to know of its rows and its protocol."""
    result = results.get(name)
    return markdown(result) if result else ""


def cost(results: Results) -> str:
    """Tabulate parameters and multiply-adds beside those of Tables II and III."""
    result = results.get("cost")
    if result is None:
        return ""
    head = ["network", "parameters, M", "Table II", "px", "G madds", "Table III"]
    rows, notes = [], []
    for it in result["networks"]:
        paper = it["paper"]
        cells = [f"`{it['name']}`", f"{it['parameters'] / 1e6:.2f}"]
        if paper is None:
            cells += ["–", "336", f"{it['multiply_adds'] / 1e9:.2f}", "–"]
        else:
            there = it["multiply_adds_at_paper_size"] / 1e9
            cells += [f"{paper['parameters_M']:.2f}", str(paper["size"])]
            cells += [f"{there:.2f}", f"{paper['gflops']:.1f}"]
            if paper["remark"]:
                notes.append(f"- `{it['name']}`: {paper['remark']}.")
        rows.append(cells)
    protocol = f"{result['protocol'][0].upper()}{result['protocol'][1:]}."
    return "\n\n".join([tables.markdown(head, rows), "\n".join(notes), protocol])
