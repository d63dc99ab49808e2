"""Multiply-adds of an inference, and the size of its file."""

from __future__ import annotations

import functools
from pathlib import Path

from benchmarks.latency.case import LatencyCase
from common.errors import SamnetError


def multiply_adds(latency_case: LatencyCase) -> int | None:
    """Count the multiply-adds of one inference's convolutions and products; None if unknown."""
    return _multiply_adds(latency_case.file, latency_case.size)


def megabytes(latency_case: LatencyCase) -> float:
    """Measure what has to be installed for a network, in millions of bytes."""
    path = Path(latency_case.file)
    weights = path.with_suffix(".bin") if path.suffix == ".xml" else None
    return sum(it.stat().st_size for it in (path, weights) if it and it.exists()) / 1e6


@functools.cache
def _multiply_adds(file: str, size: int | None) -> int | None:
    path = Path(file)
    if path.suffix == ".safetensors":
        return _of_checkpoint(path, size)
    if path.suffix == ".xml":
        # Quantized from the network beside it, product for product.
        path = path.with_name(path.name.replace("_int8.xml", "_fp32.onnx"))
    from convert.inspect.isolated_reader import read_isolated

    try:
        costs = [it["multiply_adds"] for it in read_isolated(path)["operations"]]
    except SamnetError:
        return None
    return None if None in costs else sum(costs)


def _of_checkpoint(path: Path, size: int | None) -> int:
    from samnet.checkpoints.checkpoint import load_checkpoint
    from samnet.networks.cost import of_call
    from samnet.networks.deployed import DeployedNetwork, deployed_size

    checkpoint = load_checkpoint(path)
    network = DeployedNetwork(checkpoint.model, deployed_size(size, checkpoint.preprocessing))
    network = network.eval().to("meta")
    return of_call(network, *(it.to("meta") for it in network.example()))
