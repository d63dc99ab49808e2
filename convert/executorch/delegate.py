"""Takes the XNNPACK delegate of a ``.pte`` file apart and puts it together again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import InputError
from convert.upstream import decode_delegate, encode_delegate, read_program, write_program

ALIGNMENT = 16
"""Bytes, of the parts of a delegate's data."""


class Delegate:
    """A program's only delegate.

    Args:
        content: the file.

    Attributes:
        plan: the program's only plan, with its values, inputs, outputs and instructions.
        graph: the delegate's, as its schema names things; floats are the integers of their bits.

    Raises:
        InputError: if the program is not a single XNNPACK delegate.
    """

    def __init__(self, content: bytes) -> None:
        from executorch.backends.xnnpack.serialization.xnnpack_graph_serialize import XNNHeader

        self._file = read_program(content)
        self.plan: Any = self._file.program.execution_plan[0]
        delegates = self.plan.delegates
        if [delegate.id for delegate in delegates] != ["XnnpackBackend"]:
            raise InputError(
                f"the program has the delegates {[d.id for d in delegates]}, expected one of "
                "XNNPACK; scales of anything else cannot be read back"
            )
        self._data = self._file.program.backend_delegate_data[delegates[0].processed.index]
        blob = bytes(self._data.data)
        header = XNNHeader.from_bytes(blob[: XNNHeader.EXPECTED_LENGTH])
        start, constants = header.flatbuffer_offset, header.constant_data_offset
        self.graph = decode_delegate(blob[start : start + header.flatbuffer_size])
        self._constants = blob[constants : constants + header.constant_data_size]

    def values(self) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
        """Return each value's tensor by its number, and how it is quantized, empty for floats."""
        unions = [entry["xvalue_union"] for entry in self.graph["xvalues"]]
        pairs = [(union.get("tensor_value", union), union) for union in unions]
        return {plain["id_out"]: (plain, union.get("quant_params", {})) for plain, union in pairs}

    def scales(self, weights: dict[str, Any]) -> NDArray[np.float32]:
        """Read the scales of a weight from how it is quantized: one a channel, (channels,)."""
        place = self.graph["constant_data"][weights["scale_buffer_idx"]]
        named = self._file.named_data
        if place["named_key"] and named is not None:
            data = named.buffers[named.pte_data[place["named_key"]].buffer_index]
        else:
            data = self._constants[place["offset"] : place["offset"] + place["size"]]
        return np.frombuffer(data, np.float32, weights["num_scales"])

    def serialize(self) -> bytes:
        """Serialize the file with its plan and its graph as they are now."""
        from executorch.backends.xnnpack.serialization.xnnpack_graph_serialize import XNNHeader

        flatbuffer = encode_delegate(self.graph)
        start = _aligned(XNNHeader.EXPECTED_LENGTH)
        constants = start + _aligned(len(flatbuffer))
        header = XNNHeader(start, len(flatbuffer), constants, len(self._constants)).to_bytes()
        before = header.ljust(start, b"\0") + flatbuffer
        self._data.data = before.ljust(constants, b"\0") + self._constants
        return write_program(self._file)


def float_of(bits: int) -> float:
    """Reinterpret the integer in a delegate's graph as the float32 that it stands for."""
    return float(np.uint32(bits).view(np.float32))


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
