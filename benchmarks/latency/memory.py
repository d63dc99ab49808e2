"""``python -m benchmarks.latency.memory MODEL… --json OUT``: peak memory of an inference.

Each artifact is opened and run in a process of its own. Counted is how far the process's resident
memory rises above what it holds once the runtime is imported, at its highest point.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

from common.arguments import MODEL
from common.command import Command
from common.errors import InputError
from common.result_file import environment, write_result
from edge_apps import runtime

RUNS = 3

PROBE = """
import json, re, sys
from pathlib import Path
import numpy as np
from edge_apps import runtime
path, runs = sys.argv[1], int(sys.argv[2])
if path.endswith(".pte"):
    import torch
    from executorch.extension.pybindings import portable_lib
else:
    from edge_apps.backends.tflite import interpreter_class
    interpreter_class()

def resident(name):
    return int(re.search(name + r":\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = resident("VmRSS")
# From here on the highest point counts, not that of the imports.
Path("/proc/self/clear_refs").write_text("5")
segment = runtime.load(path, threads=1)
photo = np.random.default_rng(0).integers(0, 256, (segment.size, segment.size, 3), np.uint8)
for _ in range(runs):
    segment.run(photo)
print(json.dumps({"size": segment.size, "peak_kB": resident("VmHWM") - before}))
"""


@dataclasses.dataclass
class Options:
    """Options of ``python -m benchmarks.latency.memory``."""

    models: Annotated[tuple[Path, ...], MODEL]
    """Artifacts: .tflite or .pte."""
    json: Path
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def peak_memory(path: Path) -> dict[str, Any]:
    """Measure the size of an artifact's input in pixels, and its peak memory in MB.

    Raises:
        InputError: if it is no artifact, or the system cannot tell.
    """
    runtime.load(path, threads=1)
    if not Path("/proc/self/clear_refs").exists():
        raise InputError("peak memory is read from /proc, which this system lacks; use Linux")
    command = [sys.executable, "-c", PROBE, str(path), str(RUNS)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or [f"status {ended.returncode}"])[-1]
        raise InputError(f"{path}: could not be measured ({reason})")
    found = json.loads(ended.stdout.splitlines()[-1])
    return {
        "file": path.name,
        "size": found["size"],
        "file_MB": path.stat().st_size / 1e6,
        "peak_MB": found["peak_kB"] * 1024 / 1e6,
    }


def main(options: Options) -> None:
    """Measure, print a table and write the result file.

    Raises:
        InputError: as :func:`peak_memory`; nothing is written then.
    """
    if not options.models:
        raise InputError("no model given; name at least one .tflite or .pte")
    rows = [peak_memory(path) for path in options.models]
    result = {
        "protocol": f"Resident memory above that after imports, highest point of opening and "
        f"{RUNS} runs, one thread, a process each.",
        "rows": rows,
        "environment": environment(1),
    }
    write_result(options.json, result, overwrite=options.overwrite)
    for row in rows:
        print(
            f"{row['file']}: {row['size']} px, file {row['file_MB']:.2f} MB, "
            f"peak {row['peak_MB']:.1f} MB"
        )


COMMAND = Command.of(Options, main, "Measures the peak memory of artifacts.")

if __name__ == "__main__":
    COMMAND.run()
