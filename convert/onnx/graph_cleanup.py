"""Rewrites an exported ONNX graph so that onnxruntime executes it in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

UNSIGNED = 128
"""Bytes are int8 codes plus this."""


def tidy(model: ModelProto) -> None:
    """Rewrite a graph in place so that no code and no step changes, only how they are stored."""
    _join_codes(model)
    _unsigned_codes(model)
    _quantize_biases(model)
    _part_zero_points(model)
    _remove_unused(model)


def _join_codes(model: ModelProto) -> None:
    """Remove what turns codes into numbers and back into the same codes.

    That is where bytes meet the program's own int8 input and output: dequantized bytes that are
    quantized to int8 of the same step, and int8 that becomes bytes again.
    """
    constants = _constants(model)
    made = {node.output[0]: node for node in model.graph.node}

    def codes(node: NodeProto) -> tuple[float, int]:
        scale, zero_point = (constants[name] for name in node.input[1:3])
        shift = UNSIGNED if zero_point.dtype == np.uint8 else 0
        return float(scale), int(zero_point) - shift

    def before(name: str) -> NodeProto:
        node: NodeProto = made[name]
        while node.op_type in ("Transpose", "Reshape"):
            node = made[node.input[0]]
        return node

    for node in model.graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] not in made:
            continue
        given = before(node.input[0])
        if given.op_type != "DequantizeLinear" or codes(given) != codes(node):
            continue
        if given.input[0] == "photo":
            _rename(model, _reader(model, node.output[0]).output[0], node.input[0])
        elif given is made[node.input[0]]:
            node.input[0] = made[given.input[0]].input[0]


def _unsigned_codes(model: ModelProto) -> None:
    """Write the codes of every computed tensor as bytes, 128 higher than int8.

    The steps stay what they are. onnxruntime has integer kernels for operations whose inputs and
    outputs are of one type, which are bytes at the ends, and does this itself in places only.
    """
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear") or node.input[0] in tensors:
            continue
        zero_point = numpy_helper.to_array(tensors[node.input[2]])
        if zero_point.dtype == np.int8:
            shifted = np.array(int(zero_point) + UNSIGNED, np.uint8)
            node.input[2] = f"zero_point_{int(shifted)}"
            if node.input[2] not in tensors:
                tensors[node.input[2]] = numpy_helper.from_array(shifted, node.input[2])
                model.graph.initializer.append(tensors[node.input[2]])


def _quantize_biases(model: ModelProto) -> None:
    """Store the biases of quantized products as int32 codes, as integer kernels add them."""
    constants = _constants(model)
    made = {node.output[0]: node for node in model.graph.node}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        given = [made.get(name) for name in node.input[:2]]
        kinds = [g.op_type if g else "" for g in given]
        quantized = kinds == ["DequantizeLinear"] * 2
        if node.op_type in ("Conv", "Gemm") and len(node.input) == 3 and quantized:
            photo, weight = (constants[g.input[1]] for g in given if g)
            scale = (np.float32(photo) * weight).astype(np.float32)
            bias = node.input[2]
            values = np.rint(constants[bias].astype(np.float64) / scale).astype(np.int32)
            for suffix, stored in (("codes", values), ("scale", scale)):
                tensor = numpy_helper.from_array(stored, f"{bias}.{suffix}")
                model.graph.initializer.append(tensor)
            name = f"{node.output[0]}.bias"
            given_names = [f"{bias}.codes", f"{bias}.scale"]
            nodes.append(helper.make_node("DequantizeLinear", given_names, [name], name, axis=0))
            node.input[2] = name
        nodes.append(node)
    kept = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)


def _part_zero_points(model: ModelProto) -> None:
    """Give every quantized weight zero points of its own.

    Where onnxruntime stores weights as unsigned bytes, on x86 without VNNI or when asked for its
    exact product, it converts each weight's zero points and refuses to do so to the same twice.
    """
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        weight = node.op_type == "DequantizeLinear" and node.input[0] in tensors
        if weight and len(node.input) > 2:
            zero_points = numpy_helper.to_array(tensors[node.input[2]])
            node.input[2] = f"{node.input[0]}.zero_points"
            model.graph.initializer.append(numpy_helper.from_array(zero_points, node.input[2]))


def _remove_unused(model: ModelProto) -> None:
    """Remove operations and constants that nothing reads."""
    graph = model.graph
    while True:
        used = {name for node in graph.node for name in node.input}
        used |= {value.name for value in graph.output}
        unused = [node for node in graph.node if not used.intersection(node.output)]
        if not unused:
            break
        for node in unused:
            graph.node.remove(node)
    for constant in [constant for constant in graph.initializer if constant.name not in used]:
        graph.initializer.remove(constant)
    del graph.value_info[:]


def _constants(model: ModelProto) -> dict[str, Any]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _reader(model: ModelProto, name: str) -> NodeProto:
    readers: list[NodeProto] = [node for node in model.graph.node if name in node.input]
    (reader,) = readers
    return reader


def _rename(model: ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            if name == old:
                node.input[i] = new
