"""Operations of an int8 ``.tflite`` that compute something else on arm64 than on this machine.

``samnet bench rounding MODEL.tflite [--processor NAME] [--json OUT]``

Runs the embedded photos here and under qemu with every step given away, and names the operations
that come to other codes although they were given the same ones. What follows from those is no
difference of its own.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from common.arguments import MODEL
from common.command import Command
from common.errors import InputError
from common.images.photos import resize_photo
from common.output_paths import check_absent
from convert.tflite.flatbuffer import operator_names, read_flatbuffer
from edge_apps.compare.backends import run_program
from edge_apps.compare.emulated_arm64 import PROCESSORS, guest_python
from edge_apps.manifest import hashes
from edge_apps.runtime import load

GUEST = Path(__file__).parent / "native" / "steps_guest.py"

Steps = Mapping[str, NDArray[Any]]
"""Results of operations by photo and tensor, as ``3_118``."""

EXAMPLES = 4
"""Multiplications that are told in full, of each operation."""


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """An operation that does something else there.

    Args:
        number: its place in the file, from 0.
        operation: its kind, as ``MUL``.
        codes: that it makes of one photo.
        differing: of all photos' codes, how many are others there.
        largest: the largest difference of two codes.
        examples: of a multiplication, ``exact`` value in codes, and what either made of it.
    """

    number: int
    operation: str
    codes: int
    differing: int
    largest: int
    examples: list[dict[str, float]]


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench rounding``."""

    model: Annotated[Path, MODEL]
    """An int8 .tflite."""
    processor: tuple[str, ...] = PROCESSORS
    """Processors that qemu plays."""
    userland: Path | None = None
    """Folder of tools/userland.sh; the cached one by default."""
    json: Path | None = None
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def main(options: Options) -> None:
    """Print the rounding differences of each processor."""
    from common.result_file import write_result
    from convert.tflite.interface import expose_steps
    from samnet.data.embedded import embedded_photos

    if options.json:
        check_absent(options.json, overwrite=options.overwrite)
    if options.model.suffix != ".tflite":
        raise InputError(f"{options.model}: no .tflite, whose steps alone can be given away")
    size = load(options.model, threads=1).size
    content = options.model.read_bytes()
    photos = embedded_photos()
    with tempfile.TemporaryDirectory() as name:
        model, frames = Path(name) / "steps.tflite", Path(name) / "frames.npy"
        model.write_bytes(expose_steps(content))
        np.save(frames, np.stack([resize_photo(it.photo, (size, size)) for it in photos]))

        def run(python: list[str]) -> Steps:
            target = Path(name) / "steps.npz"
            target.unlink(missing_ok=True)
            run_program([*python, *map(str, (GUEST, model, frames, target))], len(photos))
            with np.load(target) as found:
                return dict(found)

        here = run([sys.executable])
        found = {
            processor: rounding_differences(
                content, here, run(guest_python(processor, options.userland))
            )
            for processor in options.processor
        }
    count = len(operator_names(content))
    for processor, parts in found.items():
        print(f"{processor}: {len(parts)} of {count} operations depart on {len(photos)} photos")
        for it in parts:
            print(
                f"  {it.operation} {it.number}: {it.differing} of {len(photos) * it.codes} codes, "
                f"by at most {it.largest}"
            )
            for example in it.examples:
                print(
                    "    {exact:.7f} becomes {here:.0f} here, {there:.0f} there".format(**example)
                )
    if options.json:
        result = {
            "model": options.model.name,
            "photos": len(photos),
            "operations": count,
            "processors": {
                processor: [dataclasses.asdict(it) for it in parts]
                for processor, parts in found.items()
            },
        }
        write_result(
            options.json,
            "rounding_differences",
            result,
            measured=hashes(options.model),
            threads=1,
            overwrite=options.overwrite,
        )


def rounding_differences(content: bytes, here: Steps, there: Steps) -> list[Mismatch]:
    """Find the operations whose results differ although all they were given is the same.

    Args:
        content: the flatbuffer, without exposed steps.
        here: its steps on one processor.
        there: on the other.
    """
    model = read_flatbuffer(content)
    graph, names = model.subgraphs[0], operator_names(model)
    makers = {int(it.outputs[0]): it for it in graph.operators}
    photos = sorted({name.partition("_")[0] for name in here})

    def same(photo: str, tensor: int) -> bool:
        """Tell whether a tensor is the same in both; of one that is not given away, its sources."""
        name = f"{photo}_{tensor}"
        if name in here:
            return bool((here[name] == there[name]).all())
        return tensor not in makers or all(same(photo, int(i)) for i in makers[tensor].inputs)

    found = []
    for number, (operator, kind) in enumerate(zip(graph.operators, names, strict=True)):
        tensor = int(operator.outputs[0])
        departed = [
            f"{photo}_{tensor}"
            for photo in photos
            if f"{photo}_{tensor}" in here
            and not same(photo, tensor)
            and all(same(photo, int(i)) for i in operator.inputs)
        ]
        if not departed:
            continue
        differences = [np.abs(here[it].astype(int) - there[it]) for it in departed]
        examples = [] if kind != "MUL" else _examples(graph, operator, departed, here, there)
        found.append(
            Mismatch(
                number,
                kind,
                int(differences[0].size),
                sum(int((it > 0).sum()) for it in differences),
                max(int(it.max()) for it in differences),
                examples[:EXAMPLES],
            )
        )
    return found


def _examples(
    graph: Any, operator: Any, departed: list[str], here: Steps, there: Steps
) -> list[dict[str, float]]:
    """Find the exact values of a multiplication, in codes, where the two rounded otherwise."""
    tensors = [int(i) for i in (*operator.inputs, *operator.outputs)]
    scales = [graph.tensors[i].quantization for i in tensors]
    (a, b, out), (za, zb, zero) = zip(
        *((float(np.float32(it.scale[0])), int(it.zeroPoint[0])) for it in scales), strict=True
    )
    found = set()
    for name in departed:
        photo = name.partition("_")[0]
        codes = (here.get(f"{photo}_{i}") for i in tensors[:2])
        first, second = (None if it is None else it.astype(int) for it in codes)
        if first is None or second is None:
            continue
        values = (first - za) * (second - zb) * (a * b / out)
        x, y = here[name].astype(int) - zero, there[name].astype(int) - zero
        for place in zip(*np.nonzero(x != y), strict=True):
            found.add((float(values[place]), float(x[place]), float(y[place])))
    return [{"exact": v, "here": x, "there": y} for v, x, y in sorted(found)]


COMMAND = Command.of(Options, main, "Where an int8 .tflite computes something else on arm64.")

if __name__ == "__main__":
    COMMAND.run()
