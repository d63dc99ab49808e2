"""A whole Raspberry Pi 3 in qemu, with a virtual camera: see board.sh and board_init.py."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import userland
from processes import running

TOOLS = ("qemu-system-aarch64", "mmdebstrap", "cpio", "depmod")
"""Of Debian's qemu-system-arm, mmdebstrap, cpio and kmod."""

RESULTS = "/saliency"
"""Folder on the board whose files are fetched."""

# The generator of random numbers is not ready so early, and Python would not start without.
SETTINGS = "console=ttyAMA0,115200 rdinit=/init loglevel=1 PYTHONHASHSEED=0"


class Visit(NamedTuple):
    """What came of a program on the board: the lines that it wrote and the files it left."""

    lines: list[str]
    files: dict[str, bytes]


def build() -> Path:
    """The folder of what the board boots, made if it is not in the cache."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    system = userland.build()
    command = [userland.ROOT / "tools" / "board.sh", system / "board", system]
    made = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if made.returncode:
        pytest.skip(f"no kernel for the board, perhaps no network: {made.stderr.strip()[-200:]}")
    return system / "board"


def run(board: Path, work: Path, module: str, *arguments: str, seconds: float = 900) -> Visit:
    """Boots a board, runs a module of this project there and switches the board off.

    Args:
        board: as :func:`build` gives it.
        work: for this run's own files.
        module: as ``python -m`` takes it.
        arguments: of the module, which leaves its results in :data:`RESULTS`.
        seconds: that all of it may take.
    """
    serial, start = work / "serial.txt", work / "start.cpio.gz"
    start.write_bytes((board / "system.cpio.gz").read_bytes() + _own(work, module, arguments))
    command = [
        *("qemu-system-aarch64", "-machine", "raspi3b", "-display", "none", "-monitor", "none"),
        *("-kernel", board / "kernel", "-dtb", board / "board.dtb", "-initrd", start),
        *("-append", SETTINGS, "-serial", f"file:{serial}"),
    ]
    with running(command) as machine:
        deadline = time.monotonic() + seconds
        end = ""
        while not end:
            time.sleep(0.5)
            said = serial.read_text(errors="replace") if serial.exists() else ""
            assert machine.poll() is None and "Kernel panic" not in said, said[-2000:]
            assert time.monotonic() < deadline, said[-2000:]
            # The last line is told by its end: it may not be there in full yet.
            end = next((it for it in said.splitlines(True) if it.startswith("END ")), "")
            end = end if end.endswith("\n") else ""
    start.unlink()
    lines = said.splitlines()
    assert end.strip() == "END 0", said[-2000:]
    files = [line.split(" ")[1:] for line in lines if line.startswith("FILE ")]
    told = [line for line in lines if not line.startswith(("FILE ", "END "))]
    return Visit(told, {name: base64.b64decode(content) for name, content in files})


def _own(work: Path, module: str, arguments: tuple[str, ...]) -> bytes:
    """What is unpacked over the system: this project, the first program and what it shall run."""
    stage = work / "stage"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("common", "edge_apps"):
        shutil.copytree(userland.ROOT / name, stage / "project" / name, ignore=ignored)
    shutil.copy(userland.ROOT / "tools" / "board_init.py", stage / "init")
    (stage / "init").chmod(0o755)
    order = {"module": module, "arguments": arguments, "results": RESULTS}
    (stage / "work.json").write_text(json.dumps(order))
    pack = "find . | cpio --quiet -o -H newc -R 0:0 | gzip -1"
    return subprocess.run(pack, shell=True, cwd=stage, check=True, capture_output=True).stdout
