"""The tables of docs/benchmarks.md: latency of all forms, and the cost of the paper's networks."""

from __future__ import annotations

from benchmarks.results.speed_kinds import Cost, Latency
from benchmarks.shared import tables


def has_openvino(result: Latency) -> bool:
    """Tell whether a timing is by the engines that users would pick instead."""
    return any(row.engine == "openvino" for row in result.rows)


def has_baselines(result: Latency) -> bool:
    """Tell whether a timing is of the paper's lightweight systems."""
    return any(row.network == "icnet" for row in result.rows)


def cost(result: Cost) -> str:
    """Tabulate parameters and multiply-adds beside those of Tables II and III."""
    head = ["network", "parameters, M", "Table II", "px", "G madds", "Table III"]
    rows, notes = [], []
    for it in result.networks:
        paper = it.paper
        cells = [f"`{it.name}`", f"{it.parameters / 1e6:.2f}"]
        if paper is None or it.multiply_adds_at_paper_size is None:
            cells += ["–", "336", f"{it.multiply_adds / 1e9:.2f}", "–"]
        else:
            there = it.multiply_adds_at_paper_size / 1e9
            cells += [f"{paper.parameters_M:.2f}", str(paper.size)]
            cells += [f"{there:.2f}", f"{paper.gflops:.1f}"]
            if paper.remark:
                notes.append(f"- `{it.name}`: {paper.remark}.")
        rows.append(cells)
    protocol = f"{result.protocol[0].upper()}{result.protocol[1:]}."
    return "\n\n".join([tables.markdown(head, rows), "\n".join(notes), protocol])
