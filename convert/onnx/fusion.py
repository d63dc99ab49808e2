"""Finds the operations of an ``.onnx`` that onnxruntime executes in integers."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto

from convert.graphs.kinds import ONNX
from convert.graphs.multiply_adds import of_onnx
from edge_apps.backends.onnx import session_options
from edge_apps.manifest import Delegation

INTEGER = ("QLinear", "QGemm", "ConvInteger", "MatMulInteger")
"""How the names of integer kernels start."""

MOVES = frozenset(name for name, kind in ONNX.items() if kind.role == "move")
"""Operations that change shapes or types only."""


def fusion(content: bytes) -> Delegation:
    """Let onnxruntime optimize a network as it does at every load and sort what came of it.

    A quantized network's fast path are the integer kernels that it makes of the operations
    between a DequantizeLinear and a QuantizeLinear; a float network has no other than its own.
    """
    import onnxruntime

    options = session_options(1)
    with tempfile.TemporaryDirectory() as folder:
        optimized = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(optimized)
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        graph = ModelProto.FromString(optimized.read_bytes()).graph
    nodes = list(graph.node)
    if not any(node.op_type in MOVES and "Quantize" in node.op_type for node in nodes):
        return Delegation("onnxruntime CPU", 1, len(nodes), {}, {}, 1.0)
    inside = [node for node in nodes if node.op_type.startswith(INTEGER)]
    outside = Counter(node.op_type for node in nodes if not node.op_type.startswith(INTEGER))
    return Delegation(
        delegate="onnxruntime integer",
        partitions=_pieces(inside),
        inside=len(inside),
        outside=dict(sorted(outside.items())),
        reasons={name: _why(name) for name in sorted(outside)},
        **_shares(content, graph, set(outside)),
    )


def _shares(content: bytes, optimized: GraphProto, outside: set[str]) -> dict[str, Any]:
    """Compute the share of the multiply-adds in integer kernels, and each kind's outside them."""
    given = onnx.shape_inference.infer_shapes(ModelProto.FromString(content)).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in given.initializer}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in optimized.initializer}
    for value in (*given.input, *given.value_info, *given.output):
        shapes[value.name] = tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
    known: dict[str, tuple[int | str, ...]] = dict(shapes)
    total = sum(of_onnx(node, known) or 0 for node in given.node)
    left: dict[str, float] = defaultdict(float)
    for node in optimized.node:
        if node.op_type in outside:
            cost = of_onnx(node, known)
            if cost is None or not total:
                return {}
            left[node.op_type] += cost / total
    return {"share": 1 - sum(left.values()), "shares": dict(sorted(left.items()))}


def _why(name: str) -> str:
    if name in MOVES:
        return "changes shapes or types only"
    return "in float: onnxruntime has no integer kernel for it, or its input or output is in float"


def _pieces(nodes: list[NodeProto]) -> int:
    """Count the connected pieces of nodes through tensors that one makes and another reads."""
    piece = list(range(len(nodes)))

    def find(i: int) -> int:
        while piece[i] != i:
            i = piece[i]
        return i

    made = {name: i for i, node in enumerate(nodes) for name in node.output}
    for i, node in enumerate(nodes):
        for name in node.input:
            if name in made:
                piece[find(i)] = find(made[name])
    return len({find(i) for i in range(len(nodes))})
