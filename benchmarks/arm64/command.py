"""``samnet bench arm64``: instructions of one inference on arm64 cores, under qemu.

``samnet bench arm64 MODEL… [--processor cortex-a53] [--json OUT]``

A count is the same on every run to a tenth of a percent, however busy the machine is, and it
needs no board. It is no time: instructions differ in how long they take, and memory is not in it.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from benchmarks.peers.fetch import FOLDER, fetch
from benchmarks.peers.table import PEERS
from common.arguments import MODEL, Argument
from common.command import Command
from common.errors import InputError, SamnetError
from common.output_paths import check_absent
from edge_apps.manifest import hashes, verify

CORES = ("cortex-a53", "cortex-a72", "cortex-a76")
"""Of the Raspberry Pi 3, 4 and 5; only the last has instructions for products of bytes."""

NATIVE = Path(__file__).parent / "native"

NO_LATENCY = (
    "Instructions are no latency: they say what a core has to execute, not how long it takes."
)


def cache() -> Path:
    """Tell where this project keeps what it builds."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "samnet"


@dataclasses.dataclass(frozen=True)
class Counter:
    """A qemu with the counting plugin, and a userland for it to run.

    Args:
        qemu: folder that ``native/build_qemu.sh`` filled.
        userland: folder with an arm64 ``root`` that has Python 3.11 and LiteRT.
    """

    qemu: Path
    userland: Path

    def check(self) -> None:
        """Raise InputError, which says how to get it, if something is missing."""
        for name in ("qemu-aarch64", "libcount.so", "lib/ld-linux-x86-64.so.2"):
            if not (self.qemu / name).is_file():
                raise InputError(
                    f"{self.qemu}: has no {name}; build a qemu with the counting plugin there by "
                    f"{NATIVE / 'build_qemu.sh'} {self.qemu}"
                )
        if not (self.userland / "root/usr/bin/python3.11").exists():
            raise InputError(
                f"{self.userland}: has no root/usr/bin/python3.11; make an arm64 userland by "
                f"tools/userland.sh {self.userland} .venv/bin/pip 'numpy<2.3.5' "
                "ai-edge-litert==2.3.0"
            )

    def count(self, model: Path, cpu: str) -> int:
        """Count the instructions of one inference on a core that qemu knows, one thread.

        The second inference counts: in the first the runtime fills its caches.

        Raises:
            InputError: if the guest fails.
        """
        root = self.userland / "root"
        with tempfile.TemporaryDirectory() as folder:
            marks = Path(folder) / "marks"
            loader = self.qemu / "lib/ld-linux-x86-64.so.2"
            done = subprocess.run(
                [
                    *(loader, "--library-path", self.qemu / "lib", self.qemu / "qemu-aarch64"),
                    *("-plugin", f"{self.qemu / 'libcount.so'},out={marks}"),
                    *("-cpu", cpu, "-L", root),
                    *(
                        "-E",
                        f"PYTHONPATH={root / 'opt/python'}",
                        "-E",
                        f"PYTHONHOME={root / 'usr'}",
                    ),
                    *("-E", "PYTHONDONTWRITEBYTECODE=1", "-E", "OPENBLAS_NUM_THREADS=1"),
                    *(root / "usr/bin/python3.11", NATIVE / "guest.py", model.resolve()),
                ],
                capture_output=True,
                text=True,
            )
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise InputError(f"{model}: did not run on {cpu} under qemu ({reason})")
            totals = [int(line) for line in marks.read_text().split()]
        if len(totals) != 4:
            raise InputError(
                f"{model}: {len(totals)} marks on {cpu}, expected 4; the plugin is of another "
                f"version, build it again by {NATIVE / 'build_qemu.sh'}"
            )
        return totals[3] - totals[2]


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench arm64``."""

    models: Annotated[tuple[Path, ...], MODEL]
    """Artifacts (.tflite), or networks of others by name; the first one is what the others are
    compared with."""
    processor: Annotated[tuple[str, ...], Argument(aliases=("cpu",))] = ()
    """Processors that qemu plays; by default those of the Raspberry Pi 3, 4 and 5."""
    qemu: Path = dataclasses.field(default_factory=lambda: cache() / "qemu-count")
    """Folder that native/build_qemu.sh filled."""
    userland: Path | None = None
    """Folder of an arm64 userland; the newest one in the cache by default."""
    peers: Path = FOLDER
    """Where the networks of others are kept."""
    json: Path | None = None
    """Result file to write."""
    overwrite: bool = False
    """Replace the result file if it exists."""


def main(options: Options) -> None:
    """Count and print a table, one line a model."""
    from common.progress import progress
    from common.result_file import write_result

    if not options.models:
        raise InputError("no model given; name .tflite artifacts to count")
    models = [path for model in options.models if (path := _file(model, options.peers))]
    if not models:
        raise InputError("none of these networks could be fetched; the lines above say why")
    if options.json:
        check_absent(options.json, overwrite=options.overwrite)
    counter = Counter(options.qemu, options.userland or newest_userland())
    counter.check()
    cores = options.processor or CORES
    pairs = [(model, cpu) for model in models for cpu in cores]
    counted: dict[str, dict[str, int]] = {model.name: {} for model in models}
    for model, cpu in progress(pairs, len(pairs), "counting"):
        counted[model.name][cpu] = counter.count(model, cpu)
    print(table(counted))
    print(NO_LATENCY)
    if options.json:
        first = next(iter(counted.values()))
        result = {
            "protocol": {
                "what": "guest instructions of the second inference, batch 1, one thread",
                "how": "qemu-aarch64 with benchmarks/arm64/native/count.c, LiteRT in Debian",
                "note": NO_LATENCY,
            },
            "instructions": counted,
            "ratio_to_first": {
                model: {cpu: round(n / first[cpu], 4) for cpu, n in counts.items()}
                for model, counts in counted.items()
            },
        }
        write_result(
            options.json,
            "instructions",
            result,
            measured=hashes(*models),
            threads=1,
            overwrite=options.overwrite,
        )


def _file(model: Path, peers: Path) -> Path | None:
    """Find the file of a model; None, and a line that says why, for a peer that cannot be had.

    Raises:
        InputError: if it is no whole artifact.
    """
    name = str(model)
    if name in PEERS and not model.exists():
        try:
            return fetch(name, peers, ".tflite")
        except SamnetError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return None
    if model.suffix != ".tflite":
        raise InputError(f"{model}: suffix is {model.suffix!r}, expected a .tflite artifact")
    verify(model)
    return model


def newest_userland() -> Path:
    """Find the newest arm64 userland in the cache; a name that does not exist if there is none."""
    found = sorted(cache().glob("raspberry-pi-*"), key=lambda folder: folder.stat().st_mtime)
    return found[-1] if found else cache() / "raspberry-pi"


def table(counted: dict[str, dict[str, int]]) -> str:
    """Return millions of instructions by model and core, with the ratio to the first model.

    Args:
        counted: instructions by model and core, the same cores for every model.
    """
    first = next(iter(counted.values()))
    width = max(len(model) for model in counted) + 2
    lines = [f"{'millions of instructions':{width}}" + "".join(f"{cpu:>20}" for cpu in first)]
    for model, counts in counted.items():
        cells = (f"{n / 1e6:.1f} ({n / first[cpu]:.2f})" for cpu, n in counts.items())
        lines.append(f"{model:{width}}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


COMMAND = Command.of(Options, main, "Counts arm64 instructions of artifacts under qemu.")
