"""The ``.onnx`` of a network of one module."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from one_module import SIZE, one_module_int8

from convert.onnx.export import CodesInAndOut, export, metadata_of

if TYPE_CHECKING:
    from quantize.quantized_program import QuantizedProgram

METADATA = metadata_of(
    {"mean": 0.5, "std": 0.25}, SIZE, {"name": "one", "precision": "int8", "source_sha256": ""}
)


@functools.cache
def one_module_program(attention: str) -> QuantizedProgram:
    """The program that the file holds."""
    from convert.onnx.seven_bit_weights import with_seven_bits

    return with_seven_bits(one_module_int8(attention))


@functools.cache
def one_module_onnx(attention: str) -> bytes:
    from convert.executorch.lowering import fold_weights

    # A program of its own: its weights are replaced by their codes.
    program = one_module_program.__wrapped__(attention)
    module = CodesInAndOut(fold_weights(program.exported))
    return export(module, SIZE, METADATA).SerializeToString(deterministic=True)
