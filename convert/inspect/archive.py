"""Inspects a ``.safetensors`` or a ``.pt2`` without torch and without pickle."""

from __future__ import annotations

import math
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.safe_json import parse_json
from convert.inspect.inspection import Contents, TensorInfo, counted

MAX_JSON = 64 << 20
"""No JSON of a program is larger when unpacked."""

TYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32"}
"""Torch's numbers of types in exported programs."""


def read_safetensors(path: Path) -> Contents:
    """Read the metadata of a file of tensors, and what it holds of each type.

    Raises:
        InputError: if it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata: dict[str, Any] = dict(file.metadata() or {})
            parts = [file.get_slice(name) for name in file.keys()]  # noqa: SIM118
            tensors = [(part.get_dtype(), math.prod(part.get_shape())) for part in parts]
    except (SafetensorError, OSError) as error:
        raise InputError(f"not a readable safetensors file ({error})") from error
    for kind in sorted({kind for kind, _ in tensors}):
        sizes = [size for found, size in tensors if found == kind]
        metadata[f"tensors {kind}"] = f"{len(sizes)} with {sum(sizes)} numbers"
    return Contents(metadata=metadata)


def read_program(path: Path) -> Contents:
    """Read the graph of a torch program; its pickled parts are left alone.

    Raises:
        InputError: if it is damaged, or a torch archive that holds pickles only.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if not any("/models/" in name and name.endswith(".json") for name in names):
                raise InputError("a zip file without an exported graph; pickles are not read")
            model = next(n for n in names if "/models/" in n and n.endswith(".json"))
            graph = _json(archive, model)["graph_module"]["graph"]
            record = [name for name in names if name.endswith("/extra/samnet.json")]
            metadata = _json(archive, record[0]) if record else {}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise InputError(f"not a readable .pt2 program ({error})") from error
    values = graph["tensor_values"]

    def info(entry: dict[str, Any]) -> TensorInfo:
        name = str(entry["as_tensor"]["name"])
        value = values[name]
        sides = tuple(side.get("as_int", "?") for side in value["sizes"])
        return TensorInfo(name, sides, TYPES.get(value["dtype"], str(value["dtype"])))

    kinds = Counter(str(node["target"]).removeprefix("torch.ops.") for node in graph["nodes"])
    given = [entry for entry in graph["inputs"] if not _is_weight(entry)]
    return Contents(
        inputs=tuple(info(entry) for entry in given),
        outputs=tuple(info(entry) for entry in graph["outputs"]),
        operations=counted([(kind, None) for kind in kinds.elements()]),
        metadata=metadata,
    )


def _is_weight(entry: dict[str, Any]) -> bool:
    # Exported programs name parameters, buffers and constants by these prefixes.
    name = str(entry.get("as_tensor", {}).get("name", "p_"))
    return name.startswith(("p_", "b_", "c_"))


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    with archive.open(name) as file:
        text = file.read(MAX_JSON + 1)
    if len(text) > MAX_JSON:
        raise InputError(f"{name} unpacks to more than {MAX_JSON} bytes")
    found = parse_json(text)
    if not isinstance(found, dict):
        raise InputError(f"{name} is not a table")
    return found
