"""Inspects an ``.onnx``."""

from __future__ import annotations

from typing import Any

from common.errors import InputError
from convert.graphs.multiply_adds import of_onnx
from convert.inspect.inspection import Contents, TensorInfo, counted


def read_contents(content: bytes) -> Contents:
    """Read what stands in a network, and what onnxruntime makes of it.

    Raises:
        InputError: if it is no ONNX network.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        model = onnx.ModelProto.FromString(content)
    except DecodeError as error:
        raise InputError(f"not readable as ONNX ({error})") from error
    if not model.graph.node:
        raise InputError("not readable as ONNX (it has no operation)")
    notes = []
    try:
        model = onnx.shape_inference.infer_shapes(model)
    except Exception as error:  # the checker's native part raises kinds of its own
        notes.append(f"shapes cannot be followed ({str(error).splitlines()[0]})")
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    values = (*graph.input, *graph.value_info, *graph.output)
    shapes = {value.name: _shape(value) for value in values}
    shapes |= {name: tuple(tensor.dims) for name, tensor in constants.items()}

    def info(value: Any) -> TensorInfo:
        kind = _type(value.type.tensor_type.elem_type)
        for node in graph.node:
            enters = node.op_type == "DequantizeLinear" and node.input[0] == value.name
            leaves = node.op_type == "QuantizeLinear" and node.output[0] == value.name
            known = len(node.input) == 3 and all(name in constants for name in node.input[1:])
            if (enters or leaves) and known:
                scale, zero = (numpy_helper.to_array(constants[name]) for name in node.input[1:])
                if scale.size == zero.size == 1:
                    step, offset = float(scale.item()), int(zero.item())
                    return TensorInfo(value.name, _shape(value), kind, step, offset)
        return TensorInfo(value.name, _shape(value), kind)

    delegation = None
    try:
        from convert.onnx.fusion import fusion

        delegation = fusion(content)
    except Exception as error:  # onnxruntime's own kinds of error share no other base
        notes.append(f"onnxruntime does not run it ({(str(error) or '?').splitlines()[0]})")
    metadata: dict[str, Any] = {
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "opset": {entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
        **{entry.key: entry.value for entry in model.metadata_props},
    }
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in graph.initializer):
        notes.append("its weights stand in other files, which are not read")
    costs = [(node.op_type, of_onnx(node, shapes)) for node in graph.node]
    return Contents(
        inputs=tuple(info(value) for value in graph.input if value.name not in constants),
        outputs=tuple(info(value) for value in graph.output),
        operations=counted(costs),
        delegation=delegation,
        metadata=metadata,
        notes=tuple(notes),
    )


def _type(number: int) -> str:
    """Return the name of an element's type, as NumPy calls it where NumPy has it."""
    import onnx

    try:
        return str(onnx.helper.tensor_dtype_to_np_dtype(number).name)
    except (KeyError, ValueError, TypeError):
        return str(onnx.TensorProto.DataType.Name(number)).lower()


def _shape(value: Any) -> tuple[int | str, ...]:
    return tuple(
        side.dim_value if side.HasField("dim_value") else side.dim_param or "?"
        for side in value.type.tensor_type.shape.dim
    )
