"""Divides photos among processes and gathers their metrics.

Every process takes every count-th item, so that the shares are of equal size and, where items are
sorted by size or class, alike.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from samnet.evaluation.metrics import SaliencyMetrics
from samnet.training.distributed import Processes

Item = TypeVar("Item")


def share(items: Sequence[Item], processes: Processes) -> Sequence[Item]:
    """Return the items of this process."""
    return items[processes.rank :: processes.count]


def wait(processes: Processes) -> None:
    """Return once all processes have come here."""
    if processes.count > 1:
        torch.distributed.barrier()


def gather_metrics(metrics: SaliencyMetrics, processes: Processes) -> None:
    """Give every process what all of them measured, in the order of the shared photos.

    The scores are then those of a single process, to the last bit.
    """
    if processes.count == 1:
        return
    for record in metrics.records.values():
        rows = np.array(record, np.float64).reshape(len(record), -1 if record else 0)
        shares = _gather(rows, processes)
        ordered = [
            shares[i % processes.count][i // processes.count]
            for i in range(sum(len(rows) for rows in shares))
        ]
        record[:] = [row.item() if row.size == 1 else row for row in ordered]


def gather_texts(texts: Sequence[str], processes: Processes) -> list[str]:
    """Gather the texts of all processes, one process after the other."""
    if processes.count == 1:
        return list(texts)
    data = np.frombuffer(json.dumps(list(texts)).encode(), np.uint8)[:, None]
    return [text for part in _gather(data, processes) for text in json.loads(part.tobytes())]


def _gather(rows: NDArray[Any], processes: Processes) -> list[NDArray[Any]]:
    """Gather the rows (N, M) of every process, without pickles; N may differ, M where N is 0."""
    device = processes.device
    shapes = [torch.zeros(2, dtype=torch.int64, device=device) for _ in range(processes.count)]
    torch.distributed.all_gather(shapes, torch.tensor(rows.shape, device=device))
    largest = torch.stack(shapes).amax(0).tolist()
    padded = np.zeros(largest, rows.dtype)
    padded[: rows.shape[0], : rows.shape[1]] = rows
    parts = [torch.from_numpy(np.zeros_like(padded)).to(device) for _ in range(processes.count)]
    torch.distributed.all_gather(parts, torch.from_numpy(padded).to(device))
    return [part[: int(shape[0])].cpu().numpy() for part, shape in zip(parts, shapes, strict=True)]
