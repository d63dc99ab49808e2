"""TFLite files as the objects of LiteRT's schema, and back."""

from __future__ import annotations

from typing import Any

import numpy as np


def read_flatbuffer(content: bytes) -> Any:
    """Parse a file into a ``ModelT`` of LiteRT's schema."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    for buffer in model.buffers:
        if buffer.data is not None:
            # Data that stand behind the flatbuffer come as bytes, which are written one by one.
            buffer.data = np.frombuffer(buffer.data, np.uint8)
    return model


def write_flatbuffer(model: Any) -> bytes:
    """Serialize a ``ModelT`` to a file's content."""
    from ai_edge_litert.tools import flatbuffer_utils

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def operator_names(model: Any) -> list[str]:
    """Name the operations of a ``ModelT``'s first subgraph, as :func:`code_names`."""
    names = code_names(model)
    return [names[operator.opcodeIndex] for operator in model.subgraphs[0].operators]


def code_names(model: Any) -> list[str]:
    """Name the operator codes of a ``ModelT``: builtin ones, else ``CUSTOM`` and its own name."""
    from ai_edge_litert import schema_py_generated as schema

    builtin = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}

    def name(code: Any) -> str:
        # Files of before 2020 have the deprecated number alone.
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        found = builtin.get(number, str(number))
        return f"CUSTOM {text(code.customCode)}" if found == "CUSTOM" else found

    return [name(code) for code in model.operatorCodes]


def sides(tensor: Any) -> tuple[int, ...]:
    """Return the shape of a ``TensorT``."""
    return tuple(int(side) for side in tensor.shape) if tensor.shape is not None else ()


def text(value: bytes | str | None) -> str:
    """Decode a name; empty for none."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
