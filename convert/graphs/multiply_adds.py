"""Multiply-adds of the operations of files, by their formats.

Those of torch's networks are counted in :mod:`samnet.networks.cost`.

0 stands for what multiplies no weights, None for what is not known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from convert.graphs.kinds import DISPATCHED, ONNX, PTE, TFLITE, TORCH, Names, is_product
from convert.tflite.flatbuffer import sides


def of_tflite(name: str, operator: Any, graph: Any) -> int | None:
    """Count one operation of a flatbuffer's graph.

    Args:
        name: name of the builtin operator.
        operator: the schema's object.
        graph: the subgraph it stands in.
    """
    if not is_product(TFLITE, name):
        unknown = name == "TRANSPOSE_CONV" or "MATMUL" in name or name.startswith("CUSTOM")
        return None if unknown else 0
    made, weight = graph.tensors[operator.outputs[0]], graph.tensors[operator.inputs[1]]
    return _of_shapes(TFLITE, name, sides(made), sides(weight))


def of_pte(name: str, made: Sequence[int], weight: Sequence[int] | None) -> int:
    """Count one node of an XNNPACK delegate.

    Args:
        name: name of the node.
        made: shape of its result.
        weight: shape of its weight; None where it has none.
    """
    return 0 if weight is None else _of_shapes(PTE, name, made, weight)


def of_kernel(name: str) -> int | None:
    """Count a kernel that ExecuTorch executes outside its delegates, by its name alone."""
    return None if any(word in name for word in ("conv", "linear", "mm", "::")) else 0


def of_onnx(node: Any, shapes: Mapping[str, tuple[int | str, ...]]) -> int | None:
    """Count one node of an ONNX graph.

    Args:
        node: node of the graph; kernels that onnxruntime fuses count as what they were made of.
        shapes: shapes of tensors by name, text for sides that are not known.
    """
    kind = node.op_type.removeprefix("Fused").removeprefix("QLinear")
    if not is_product(ONNX, kind):
        return None if kind in ("ConvTranspose", "Einsum", "Attention") else 0
    quantized = node.op_type.startswith("QLinear")
    made = shapes.get(node.output[0], ("?",))
    weight = shapes.get(node.input[3 if quantized else 1], ("?",))
    if kind == "Conv":
        summed = weight[1:]
    else:
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        summed = weight[-1:] if transposed else weight[-2:-1]
    known = [side for side in (*made, *summed) if isinstance(side, int)]
    return math.prod(known) if len(known) == len(made) + len(summed) else None


def of_torch(graph: Any) -> dict[str, int]:
    """Count an exported graph by the short names of its operators, without what was lowered.

    Args:
        graph: a ``torch.fx`` graph whose nodes know their values.
    """
    from samnet.networks.cost import of_product

    found: dict[str, int] = {}
    for node in graph.nodes:
        # Operators of ExecuTorch's dialect hold torch's name in theirs.
        named = re.search(r"aten\.(\w+)\.\w+", str(node.target))
        if node.op != "call_function" or named is None:
            continue
        if is_product(TORCH, named.group()) or is_product(DISPATCHED, named.group()):
            short = named.group(1)
            found[short] = found.get(short, 0) + of_product(node)
    return found


def _of_shapes(names: Names, name: str, made: Sequence[int], weight: Sequence[int]) -> int:
    # (O, H, W, I), (1, H, W, O) and (O, I).
    depthwise = name in names and names[name].product == "depthwise"
    return math.prod(made) * math.prod(weight[1:3] if depthwise else weight[1:])
