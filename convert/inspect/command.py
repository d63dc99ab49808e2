"""``samnet inspect FILE``: prints all there is to know of a network's file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from common.arguments import MODEL
from common.command import Command
from common.files import replacing
from convert.inspect.isolated_reader import read_isolated

WIDTH = 100
"""Longer values are cut on the screen; ``--json`` has them whole."""


def describe(found: dict[str, Any]) -> str:
    """Describe an inspection in lines.

    Args:
        found: what :func:`convert.inspect.isolated_reader.read_isolated` gives.
    """
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['path']}: {found['kind']}, {found['bytes'] / 2**20:.2f} MiB"
    yield f"  sha256 {found['sha256']}"
    for side in ("inputs", "outputs"):
        for tensor in found[side]:
            shape = " x ".join(str(length) for length in tensor["shape"])
            line = f"  {side[:-1]} {tensor['name']}: {shape} {tensor['type']}"
            if tensor["scale"] is not None:
                line += f", (value - {tensor['zero_point']}) * {tensor['scale']:.9g}"
            yield line
    if found["operations"]:
        costs = [entry["multiply_adds"] for entry in found["operations"]]
        total = sum(cost for cost in costs if cost)
        count = sum(entry["count"] for entry in found["operations"])
        least = "at least " if None in costs else ""
        said = f", {least}{total / 1e6:.1f} M multiply-adds" if total else ""
        yield f"  {count} operations{said}"
    for entry in found["operations"]:
        cost = entry["multiply_adds"]
        said = ", multiply-adds not known" if cost is None else f", {cost / 1e6:.1f} M"
        yield f"    {entry['count']:5d} {entry['kind']}{'' if cost == 0 else said}"
    if took := found["delegation"]:
        pieces = f"{took['partitions']} {'piece' if took['partitions'] == 1 else 'pieces'}"
        yield f"  {took['delegate']}: {took['inside']} operations in {pieces}"
        for name, number in took["outside"].items():
            reason = took["reasons"].get(name)
            yield f"    outside: {number} {name}" + (f": {reason}" if reason else "")
    for key, value in found["metadata"].items():
        if isinstance(value, dict):
            yield f"  {key}"
            yield from (f"    {_short(name, entry)}" for name, entry in value.items())
        else:
            yield f"  {_short(key, value)}"
    yield from _manifest(found["manifest"])
    for note in found["notes"]:
        yield f"  note: {note}"


def _manifest(manifest: dict[str, Any] | None) -> Iterator[str]:
    if manifest is None:
        yield "  no manifest of this project vouches for it"
        return
    yield (
        f"  manifest: {manifest['precision']} at {manifest['size']} px by {manifest['engine']} "
        f"from {manifest['source']} ({manifest['source_sha256'][:12]}…), hash agrees"
    )
    for name, figures in manifest["parity"].items():
        yield f"    {_short(name, figures)}"


def _short(name: str, value: Any) -> str:
    """Format a name and its value in one line."""
    text = " ".join((value if isinstance(value, str) else json.dumps(value)).split())
    return f"{name}: {text if len(text) <= WIDTH else text[: WIDTH - 1] + '…'}"


@dataclasses.dataclass
class Options:
    """Options of ``samnet inspect``."""

    model: Annotated[Path, MODEL]
    """A .tflite, .pte, .onnx, .safetensors or .pt2 file, of this project or of others."""
    json: Path | None = None
    """Result file to write, with everything."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def main(options: Options) -> None:
    """Inspect a file and print what it holds."""
    found = read_isolated(options.model)
    if options.json:
        with replacing(options.json, overwrite=options.overwrite) as temporary:
            temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(describe(found))


COMMAND = Command.of(Options, main, "Prints all there is to know of a network's file.")
