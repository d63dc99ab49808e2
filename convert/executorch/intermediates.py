"""Exposes the results of the operations inside a ``.pte`` file's delegate.

XNNPACK hands out only what its graph declares as an output. So the file is taken apart, the
results of its products are declared as outputs of the delegate and of the program, and it is put
together again; weights and operations stay the file's own, byte by byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import InputError
from convert.executorch.delegate import ALIGNMENT, Delegate, float_of
from convert.graphs.kinds import PTE, is_product

Values = NDArray[np.float32]

EXTERNAL_OUTPUT = 2
"""XNN_VALUE_FLAG_EXTERNAL_OUTPUT of xnnpack.h."""

TYPES = {"xnn_datatype_fp32": ("FLOAT", 4), "xnn_datatype_qint8": ("CHAR", 1)}
"""ExecuTorch's scalar type and bytes of an element, by XNNPACK's type."""


def intermediates(content: bytes, photo: NDArray[Any]) -> list[Values] | None:
    """List what every product of a file gives, dequantized, maps as (1, C, H, W).

    Args:
        content: the file, with a single XNNPACK delegate.
        photo: its input tensor.

    Returns:
        None if the program is not a single XNNPACK delegate.
    """
    import torch

    from edge_apps.backends.pte import load_program

    try:
        exposed, values = expose_steps(content)
    except InputError:
        return None
    method = load_program(exposed).load_method("forward")
    outputs = method.execute([torch.from_numpy(np.ascontiguousarray(photo))])
    found = []
    for output, quantized in zip(outputs[1:], values, strict=True):
        numbers = output.numpy().astype(np.float32)
        if "zero_point" in quantized:
            scale = np.float32(float_of(quantized["scale"]))
            numbers = (numbers - np.float32(quantized["zero_point"])) * scale
        found.append(numbers.transpose(0, 3, 1, 2) if numbers.ndim == 4 else numbers)
    return found


def expose_steps(content: bytes) -> tuple[bytes, list[dict[str, Any]]]:
    """Make a file that gives the results of all its products behind its own output.

    Returns:
        The file, and how each of these results is quantized, empty for floats.

    Raises:
        InputError: if the program is not a single XNNPACK delegate.
    """
    from executorch.exir import schema

    delegate = Delegate(content)
    graph, plan = delegate.graph, delegate.plan
    (call,) = (
        instruction.instr_args
        for chain in plan.chains
        for instruction in chain.instructions
        if isinstance(instruction.instr_args, schema.DelegateCall)
    )
    values = delegate.values()
    exposed = []
    for entry in graph["xnodes"]:
        tensor, quantized = values[entry["xnode_union"]["output_id"]]
        product = is_product(PTE, entry["xnode_union_type"])
        if not product or tensor["flags"] or tensor["datatype"] not in TYPES:
            continue
        name, width = TYPES[tensor["datatype"]]
        tensor["external_id"], tensor["flags"] = graph["num_externs"], EXTERNAL_OUTPUT
        graph["num_externs"] += 1
        graph["output_ids"].append(tensor["id_out"])
        call.args.append(len(plan.values))
        plan.outputs.append(len(plan.values))
        plan.values.append(_tensor(plan, tensor["dims"], schema.ScalarType[name], width))
        exposed.append(quantized)
    return delegate.serialize(), exposed


def _tensor(plan: Any, dims: list[int], kind: Any, width: int) -> Any:
    """Add a tensor to a program, with a place of its own at the end of the memory."""
    from executorch.exir import schema

    start = -(-plan.non_const_buffer_sizes[1] // ALIGNMENT) * ALIGNMENT
    plan.non_const_buffer_sizes[1] = start + width * int(np.prod(dims))
    return schema.EValue(
        schema.Tensor(
            scalar_type=kind,
            storage_offset=0,
            sizes=list(dims),
            dim_order=list(range(len(dims))),
            requires_grad=False,
            layout=0,
            data_buffer_idx=0,
            allocation_info=schema.AllocationDetails(1, start, 0),
            shape_dynamism=schema.TensorShapeDynamism.STATIC,
        )
    )
