"""The search for operations that compute something else on another processor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")

from benchmarks.arm64.rounding_differences import GUEST, Mismatch, rounding_differences
from convert.tflite.interface import expose_steps
from edge_apps.shipped import default_model


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, np.ndarray]]:
    """The shipped artifact and its steps on two photos of noise."""
    folder = tmp_path_factory.mktemp("steps")
    content = default_model().read_bytes()
    model, frames, target = (folder / name for name in ("x.tflite", "x.npy", "x.npz"))
    model.write_bytes(expose_steps(content))
    noise = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    np.save(frames, noise)
    subprocess.run([sys.executable, GUEST, model, frames, target], check=True, timeout=60)
    with np.load(target) as found:
        return content, dict(found)


def test_the_same_steps_do_not_differ(steps: tuple[bytes, dict[str, np.ndarray]]) -> None:
    content, here = steps
    assert len(here) > 300 and rounding_differences(content, here, here) == []


def test_the_operation_that_begins_is_named_and_not_what_follows(
    steps: tuple[bytes, dict[str, np.ndarray]],
) -> None:
    from convert.tflite.flatbuffer import operator_names, read_flatbuffer

    content, here = steps
    model = read_flatbuffer(content)
    graph, number = model.subgraphs[0], operator_names(model).index("MUL")
    tensor = int(graph.operators[number].outputs[0])
    follower = next(it for it in graph.operators if tensor in it.inputs)
    there = dict(here)
    changed = here[f"1_{tensor}"].copy()
    changed.flat[5] ^= 1
    there[f"1_{tensor}"] = changed
    there[f"1_{int(follower.outputs[0])}"] = here[f"1_{int(follower.outputs[0])}"] ^ 1
    (found,) = rounding_differences(content, here, there)
    assert found == Mismatch(number, "MUL", changed.size, 1, 1, found.examples)
    (example,) = found.examples
    assert abs(example["here"] - example["there"]) == 1
    # The artifact's own code is the one next to the exact value.
    assert abs(example["exact"] - example["here"]) <= 0.5 + 1e-4


def test_what_has_no_steps_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks.arm64.rounding_differences", str(Path("x.pte"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "no .tflite" in done.stderr
