"""Multiply-adds of operations in the graphs of torch, TFLite and ONNX."""

from __future__ import annotations

import math
import re
from typing import Any


def of_tflite(name: str, operator: Any, graph: Any) -> int | None:
    """Count those of one operation of a flatbuffer's graph.

    Args:
        name: of the builtin operator.
        operator: as the schema's object.
        graph: the subgraph it stands in.

    Returns:
        0 for what multiplies no weights, None where it is not known.
    """
    if name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        unknown = name == "TRANSPOSE_CONV" or "MATMUL" in name or name.startswith("CUSTOM")
        return None if unknown else 0
    weight = shape_of(graph.tensors[operator.inputs[1]])
    made = math.prod(shape_of(graph.tensors[operator.outputs[0]]))
    # (O, H, W, I), (1, H, W, O) and (O, I).
    return made * math.prod(weight[1:3] if name == "DEPTHWISE_CONV_2D" else weight[1:])


def shape_of(tensor: Any) -> tuple[int, ...]:
    """Return the sides of a flatbuffer's tensor."""
    return tuple(int(side) for side in tensor.shape) if tensor.shape is not None else ()


def of_onnx(node: Any, shapes: dict[str, tuple[int | str, ...]]) -> int | None:
    """Count those of one node of an ONNX graph; 0 and None as in :func:`of_tflite`.

    Args:
        node: of the graph; kernels that onnxruntime fuses count as what they were made of.
        shapes: of tensors by name, text for sides that are not known.
    """
    kind = node.op_type.removeprefix("Fused").removeprefix("QLinear")
    if kind not in ("Conv", "Gemm", "MatMul"):
        return None if kind in ("ConvTranspose", "Einsum", "Attention") else 0
    quantized = node.op_type.startswith("QLinear")
    made = shapes.get(node.output[0], ("?",))
    weight = shapes.get(node.input[3 if quantized else 1], ("?",))
    if kind == "Conv":
        summed = weight[1:]
    else:
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        summed = weight[-1:] if transposed else weight[-2:-1]
    sides = [side for side in (*made, *summed) if isinstance(side, int)]
    return math.prod(sides) if len(sides) == len(made) + len(summed) else None


def of_torch(graph: Any) -> dict[str, int]:
    """Count those of an exported graph, by its operators' short names; not of lowered ones.

    Args:
        graph: a ``torch.fx`` graph whose nodes know their values.
    """
    found: dict[str, int] = {}
    for node in graph.nodes:
        name = str(node.target)
        kind = next((k for k in ("conv", "linear", "addmm", "bmm", "mm") if f".{k}" in name), "")
        if node.op != "call_function" or not kind:
            continue
        weight = node.args[2 if kind == "addmm" else 1].meta["val"].shape
        inner = weight[-2] if kind.endswith("mm") else math.prod(weight[1:])
        named = re.search(r"aten\.(\w+)\.", name)
        short = named.group(1) if named else name
        found[short] = found.get(short, 0) + math.prod(node.meta["val"].shape) * inner
    return found
