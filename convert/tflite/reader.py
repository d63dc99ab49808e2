"""Inspects a ``.tflite``."""

from __future__ import annotations

from typing import Any

from common.errors import InputError
from convert.graphs.multiply_adds import of_tflite
from convert.inspect.inspection import Contents, TensorInfo, counted
from convert.tflite.flatbuffer import operator_names, read_flatbuffer, sides, text
from convert.tflite.metadata import NAME, associated_files
from convert.tflite.metadata_reader import read_metadata
from edge_apps.manifest import Delegation

LONGEST = 4096
"""Bytes of an associated file that are shown."""


def read_contents(content: bytes) -> Contents:
    """Read what stands in a flatbuffer, and what XNNPACK takes of it."""
    from ai_edge_litert import schema_py_generated as schema

    # The interpreter verifies the flatbuffer's structure, which the reader in Python does not.
    delegation, notes = _delegation(content)
    model = read_flatbuffer(content)
    graph = model.subgraphs[0]
    types = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}

    def info(index: int) -> TensorInfo:
        tensor = graph.tensors[index]
        found = tensor.quantization
        known = found is not None and found.scale is not None and len(found.scale) == 1
        return TensorInfo(
            text(tensor.name),
            sides(tensor),
            types.get(tensor.type, str(tensor.type)),
            float(found.scale[0]) if known else None,
            int(found.zeroPoint[0]) if known else None,
        )

    operations = [
        (name, of_tflite(name, operator, graph))
        for name, operator in zip(operator_names(model), graph.operators, strict=True)
    ]
    metadata: dict[str, Any] = {"description": text(model.description)}
    for entry in model.metadata or []:
        data = model.buffers[entry.buffer].data
        data = b"" if data is None else bytes(data)
        metadata[text(entry.name)] = f"{len(data)} bytes"
        if entry.name == NAME:
            try:
                metadata[text(NAME)] = read_metadata(data)
            except InputError as error:
                notes.append(str(error))
    for name, file in associated_files(content).items():
        metadata[f"file {name}"] = file[:LONGEST].decode(errors="replace").strip()
    if len(model.subgraphs) > 1:
        notes.append(f"has {len(model.subgraphs)} subgraphs, of which the first is described")
    return Contents(
        inputs=tuple(info(int(i)) for i in graph.inputs),
        outputs=tuple(info(int(i)) for i in graph.outputs),
        operations=counted(operations),
        delegation=delegation,
        metadata=metadata,
        notes=tuple(notes),
    )


def _delegation(content: bytes) -> tuple[Delegation | None, list[str]]:
    from convert.tflite.delegation import delegation

    try:
        return delegation(content), []
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        return None, [f"the interpreter does not run it ({reason})"]
