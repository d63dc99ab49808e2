"""The operations of a ``.pte`` file, all of which one XNNPACK delegate executes."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.operation import Operand, Operation, Scheme, scheme, trace
from edge_apps.errors import InputError

KINDS = {
    "XNNConv2d": "product",
    "XNNDepthwiseConv2d": "product",
    "XNNFullyConnected": "product",
    "XNNAdd": "add",
    "XNNSubtract": "sub",
    "XNNMultiply": "mul",
    "XNNDiv": "div",
    "XNNMaximum": "maximum",
    "XNNExp": "exp",
    "XNNSigmoid": "sigmoid",
    "XNNGlobalAvgPooling2d": "mean",
    "XNNConcatenate2": "cat",
    "XNNConcatenate3": "cat",
    "XNNConcatenate4": "cat",
    "XNNConcatenate5": "cat",
    "XNNStaticResizeBilinear2D": "resize",
    "XNNMaxPooling2d": "maxpool",
    "XNNStaticSlice": "slice",
}

TRANSPARENT = {
    *("XNNConvert", "XNNStaticTranspose", "XNNStaticReshape", "XNNStaticConstantPad"),
    *("XNNClamp", "XNNCopy"),
}

OPERANDS = ("input_id", *(f"input{i}_id" for i in range(1, 6)))

NO_VALUE = 2**32 - 1
"""Stands for an operand that is left out."""


def pte_graph(content: bytes) -> Operand:
    """A program's output, with all operations behind it.

    Bytes become the network's input, and its output bytes, by a product and a difference with
    constants outside the quantised network; these count as changes of no value.

    Raises:
        InputError: if the program is not a single XNNPACK delegate.
    """
    graph, scales = delegate_of(content)
    values = {}
    for entry in graph["xvalues"]:
        value = entry["xvalue_union"]
        plain = value.get("tensor_value", value)
        values[plain["id_out"]] = (plain, value.get("quant_params", {}))
    # The steps of the bytes come from outside as inputs of a single number.
    constant = {
        i
        for i, (plain, _) in values.items()
        if plain["constant_buffer_idx"] or (i in graph["input_ids"] and set(plain["dims"]) == {1})
    }
    made: dict[int, Operation] = {}
    before: dict[int, int] = {}

    def step(tensor: int) -> tuple[Scheme | None, int | None]:
        quantised = values[tensor][1]
        found = None
        if "zero_point" in quantised:
            found = scheme(_float(quantised["scale"]), quantised["zero_point"])
        return found, before.get(tensor)

    def operand(tensor: int) -> Operand:
        position, schemes = trace(tensor, step)
        return Operand(made[position], schemes)

    made.update({i: Operation("photo", "input") for i in graph["input_ids"] if i not in constant})
    for entry in graph["xnodes"]:
        name, node = entry["xnode_union_type"], entry["xnode_union"]
        inputs = [i for key in OPERANDS if (i := node.get(key, NO_VALUE)) != NO_VALUE]
        taken = [i for i in inputs if i not in constant]
        output, kind = node["output_id"], KINDS.get(name, name)
        if not taken:
            constant.add(output)
            continue
        if name in TRANSPARENT or (kind in ("mul", "sub") and len(taken) == 1):
            before[output] = taken[0]
            continue
        weights = values[node["filter_id"]][1] if kind == "product" else {}
        made[output] = Operation(
            f"{name} {output}",
            kind,
            [operand(i) for i in taken],
            scales(weights) if "channel_dim" in weights else None,
        )
    return operand(graph["output_ids"][0])


def delegate_of(content: bytes) -> tuple[dict[str, Any], Any]:
    """The delegate's graph, its floats as the integers of their bits, and a reader of scales."""
    from executorch.backends.xnnpack.serialization.xnnpack_graph_serialize import XNNHeader
    from executorch.exir._serialize._program import deserialize_pte_binary

    file = deserialize_pte_binary(content)
    delegates = file.program.execution_plan[0].delegates
    if [delegate.id for delegate in delegates] != ["XnnpackBackend"]:
        raise InputError(
            f"the program has the delegates {[d.id for d in delegates]}, expected one of XNNPACK; "
            "scales of anything else cannot be read back"
        )
    blob = bytes(file.program.backend_delegate_data[delegates[0].processed.index].data)
    header = XNNHeader.from_bytes(blob[: XNNHeader.EXPECTED_LENGTH])
    start = header.flatbuffer_offset
    graph = _decode(blob[start : start + header.flatbuffer_size])
    named = file.named_data

    def scales(weights: dict[str, Any]) -> NDArray[np.float32]:
        place = graph["constant_data"][weights["scale_buffer_idx"]]
        if place["named_key"] and named is not None:
            data = named.buffers[named.pte_data[place["named_key"]].buffer_index]
        else:
            at = header.constant_data_offset + place["offset"]
            data = blob[at : at + place["size"]]
        return np.frombuffer(data, np.float32, weights["num_scales"])

    return graph, scales


def _decode(flatbuffer: bytes) -> dict[str, Any]:
    """A delegate's flatbuffer as plain values, by ExecuTorch's own schema and tool.

    The tool prints floats with six decimals, which a scale does not survive. So the schema that
    it is given calls them integers of the same width, and their bits are printed.
    """
    from importlib import resources

    from executorch.backends.xnnpack import serialization
    from executorch.exir._serialize._flatbuffer import _flatc_decompile

    schema = resources.files(serialization).joinpath("schema.fbs").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bits = re.sub(r":\s*(\[?)float(\]?)\s*;", r":\1uint\2;", schema)
        (folder / "schema.fbs").write_text(bits, encoding="utf-8")
        (folder / "graph.bin").write_bytes(flatbuffer)
        _flatc_decompile(
            str(folder), str(folder / "schema.fbs"), str(folder / "graph.bin"), ["--raw-binary"]
        )
        decoded: dict[str, Any] = json.loads((folder / "graph.json").read_bytes())
    return decoded


def _float(bits: int) -> float:
    return float(np.uint32(bits).view(np.float32))
