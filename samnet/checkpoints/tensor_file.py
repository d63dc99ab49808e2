"""Reading safetensors files of this project."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from common.errors import InputError


def read_tensors(
    path: str | Path, form: str, *, missing: str, foreign: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a file.

    Args:
        path: the .safetensors file.
        format: that its metadata must name.
        missing: what to do where there is no file, for the message.
        foreign: what to do with a file of another format, likewise.

    Raises:
        InputError: if the file is missing, no safetensors file, or of another format.
    """
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder, expected a file; {missing}")
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; {missing}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error})") from error
    if metadata.get("format") != form:
        raise InputError(
            f"{path}: format is {metadata.get('format')!r}, expected {form!r}; {foreign}"
        )
    return tensors, metadata
