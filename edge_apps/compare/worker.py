"""Worker process of a comparison: runs frames through a network under qemu or on a GPU.

``python -m edge_apps.compare.worker cpu|gpu MODEL FRAMES.npy MAPS.npz THREADS``

A driver that crashes then takes no comparison with it, and what it prints can be left out.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError, SamnetError
from common.images.photos import Bytes
from edge_apps.runtime import load

WARM_UP = 3
"""Runs before the first that is timed."""


def run_cpu(model: Path, frames: Bytes, threads: int, warm_up: int) -> tuple[Bytes, list[float]]:
    """Map frames (N, S, S, 3) uint8 to (N, M, M) uint8, with the milliseconds of each.

    Raises:
        InputError: if the model cannot be used here.
    """
    segmenter = load(model, threads=threads)
    for _ in range(warm_up):
        segmenter.run(frames[0])
    maps, taken = [], []
    for frame in frames:
        start = time.perf_counter()
        maps.append(segmenter.run(frame))
        taken.append(1000 * (time.perf_counter() - start))
    return np.stack(maps), taken


def run_gpu(model: Path, frames: Bytes, warm_up: int) -> tuple[Bytes, list[float]]:
    """Do the same by LiteRT's GPU accelerator alone, without help of the CPU.

    Raises:
        InputError: if LiteRT finds no GPU, or the GPU does not take the whole network.
    """
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator

    side = len(load(model, threads=1).run(frames[0]))
    try:
        compiled: Any = CompiledModel.from_file(str(model), HardwareAccelerator.GPU)
    except (RuntimeError, ValueError) as error:
        raise InputError("LiteRT finds no GPU, or none that takes this network") from error
    if not compiled.is_fully_accelerated():
        raise InputError("the GPU takes only parts of this network")
    inputs, outputs = compiled.create_input_buffers(0), compiled.create_output_buffers(0)

    def run(frame: Bytes) -> Bytes:
        inputs[0].write(np.ascontiguousarray(frame[None]))
        compiled.run_by_index(0, inputs, outputs)
        return np.asarray(outputs[0].read(side * side, np.uint8)).reshape(side, side)

    for _ in range(warm_up):
        run(frames[0])
    maps, taken = [], []
    for frame in frames:
        start = time.perf_counter()
        maps.append(run(frame))
        taken.append(1000 * (time.perf_counter() - start))
    return np.stack(maps), taken


def main() -> None:
    """Run the command line; end with status 3 and a line if it cannot be done here."""
    place, model, source, target, threads = sys.argv[1:]
    frames = np.load(source)
    try:
        if place == "gpu":
            maps, taken = run_gpu(Path(model), frames, WARM_UP)
        else:
            maps, taken = run_cpu(Path(model), frames, int(threads), warm_up=0)
    except SamnetError as error:
        print(f"reason: {error}", file=sys.stderr)
        sys.exit(3)
    np.savez(target, maps=maps, taken=taken)


if __name__ == "__main__":
    main()
