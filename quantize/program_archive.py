"""Writes exported programs reproducibly and reads them without running what they hold.

``torch.export.load`` unpickles objects of any kind where a file asks for it, loads compiled
libraries that it carries, and evaluates its symbolic expressions. A program of this project needs
none of these, so a file with one of them is refused before torch sees it, and while torch reads,
pickles give tensors alone.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import torch
from torch.export import ExportedProgram

from common.safe_json import parse_json

MAX_GRAPH = 64 << 20
"""Bytes of a graph when unpacked; that of the largest network here is a tenth of it."""

EXPECTED = re.compile(
    r"(archive_format|archive_version|byteorder|\.data/(version|serialization_id)"
    r"|models/model\.json|data/sample_inputs/model\.pt|extra/[\w.]+"
    r"|data/(weights|constants)/(model_(weights|constants)_config\.json|(weight|tensor)_\d+))"
)
"""What a program consists of, by the names below the archive's root."""

OPERATORS = re.compile(r"torch\.ops\.(aten|quantized_decomposed)\.|_operator\.getitem$")
"""How the names of what a graph calls begin."""


def write(path: Path, program: ExportedProgram, extra: dict[str, str]) -> None:
    """Write a program and texts by their names; the same bytes for the same program."""
    for node in program.graph.nodes:
        # The passes that a node went through, told by addresses in this process's memory.
        node.meta.pop("from_node", None)
    # Given a path, torch names the archive's root after the file, which is a temporary one.
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files=extra)
    path.write_bytes(buffer.getvalue())


def read(path: Path, names: list[str]) -> tuple[ExportedProgram, dict[str, str]]:
    """Read a program, and texts by their names, empty where the file has none.

    Raises:
        ValueError: if the file holds what a program does not need.
        Exception: of any kind if it is damaged; torch documents none.
    """
    _check(path)
    extra = dict.fromkeys(names, "")
    with _tensors_alone():
        program = torch.export.load(path, extra_files=extra)
    return program, extra


def _check(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        names = [member.filename.partition("/")[2] for member in members]
        roots = {member.filename.partition("/")[0] for member in members}
        for name in names:
            if not EXPECTED.fullmatch(name):
                raise ValueError(f"holds {name[:60]!r}, which a program does not need")
        if len(roots) != 1 or len(set(names)) != len(names):
            raise ValueError("holds several archives or files of one name")
        graph = archive.getinfo(f"{roots.pop()}/models/model.json")
        if graph.file_size > MAX_GRAPH:
            raise ValueError(f"its graph takes {graph.file_size} bytes, no network's does")
        parse_json(archive.read(graph), _check_entry)


def _check_entry(found: dict[str, Any]) -> dict[str, Any]:
    """Refuse what a graph's entry would have torch evaluate or call."""
    if "expr_str" in found:
        raise ValueError("its graph has symbolic expressions, which would be evaluated")
    if "target" in found and "inputs" in found and not OPERATORS.match(str(found["target"])):
        raise ValueError(f"its graph calls {str(found['target'])[:60]!r}, no operator of a network")
    return found


@contextlib.contextmanager
def _tensors_alone() -> Iterator[None]:
    """Let torch read tensors from pickles and nothing else, inside the block."""
    load = torch.load

    def tensors(*arguments: Any, **options: Any) -> Any:
        return load(*arguments, **{**options, "weights_only": True})

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ValueError("holds pickled objects, which may run code")

    with (
        mock.patch.object(torch, "load", tensors),
        mock.patch.object(pickle, "loads", refuse),
        mock.patch.object(torch._C, "_pickle_load_obj", refuse),
    ):
        yield
