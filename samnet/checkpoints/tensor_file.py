"""Reads safetensors files of this project."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from common.errors import InputError
from common.images.input_file import check_is_file


def read_tensors(
    path: str | Path, form: str, *, missing: str, foreign: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and metadata of a file.

    Args:
        path: the .safetensors file.
        form: name of the format that its metadata must hold.
        missing: what to do where there is no file, for the message.
        foreign: what to do with a file of another format, likewise.

    Raises:
        InputError: if the file is missing, no safetensors file, cut short, or of another format.
    """
    check_is_file(path, missing)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        fault = _fault(Path(path), str(error))
        raise InputError(f"{path}: not a readable safetensors file ({fault}); {missing}") from error
    if metadata.get("format") != form:
        raise InputError(
            f"{path}: format is {metadata.get('format')!r}, expected {form!r}; {foreign}"
        )
    return tensors, metadata


def _fault(path: Path, error: str) -> str:
    """Say what a file is instead."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as failure:
        return failure.strerror or str(failure)
    if not head:
        return "an empty file"
    if head[0] == 0x80 or head.startswith(b"PK"):
        return "saved by torch.save or torch.export, which may run code when it is opened"
    if head[4:] in (b"TFL3", b"ET12"):
        return "a converted network"
    if "incomplete" in error:
        return "cut short, copy it again"
    return error.removeprefix("Error while deserializing header: ")
