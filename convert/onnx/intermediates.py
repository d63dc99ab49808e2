"""Exposes the results of the operations of an ``.onnx`` file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.graphs.kinds import ONNX, is_product

Values = NDArray[np.float32]

GIVING = ("Relu", "Clip", "DequantizeLinear")
"""Operations that with a product before them give what a torch module with an activation gives."""


def intermediates(content: bytes, photo: NDArray[Any]) -> list[Values]:
    """List what every product, activation and dequantization of a file gives, maps (1, C, H, W).

    Args:
        content: the file.
        photo: its input tensor.
    """
    import onnxruntime
    from onnx import ModelProto, ValueInfoProto

    from edge_apps.backends.onnx import session_options

    model = ModelProto.FromString(content)
    given = {tensor.name for tensor in model.graph.output}
    names = [
        node.output[0]
        for node in model.graph.node
        if is_product(ONNX, node.op_type) or node.op_type in GIVING
    ]
    # A name is enough: the runtime knows the types.
    model.graph.output.extend(ValueInfoProto(name=name) for name in names if name not in given)
    options = session_options(1)
    # Merging operations would take away what is asked for.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: list[Values] = session.run(names, {session.get_inputs()[0].name: photo})
    return found
