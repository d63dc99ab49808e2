"""A Raspberry Pi's userland in the cache, made by userland.sh if it is not there."""

from __future__ import annotations

import configparser
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "samnet"


def requirements() -> list[str]:
    """What ``pip install samnet[device,camera,preview]`` would install."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    needs = [
        setup["options"]["install_requires"],
        *(extras[n] for n in ("device", "camera", "preview")),
    ]
    lines = [line.strip() for need in needs for line in need.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def build() -> Path:
    """The folder with qemu-aarch64 and, in ``root``, Debian for arm64 and the project's needs."""
    needs = requirements()
    version = hashlib.sha256("\n".join(needs).encode()).hexdigest()[:8]
    folder = CACHE / f"raspberry-pi-{version}"
    run_script("userland.sh", folder, *needs)
    return folder


def build_32_bit() -> Path:
    """The folder with qemu-arm and, in ``root``, Debian for armhf."""
    folder = CACHE / "raspberry-32-bit"
    run_script("userland32.sh", folder)
    return folder


def run_script(name: str, folder: Path, *needs: str) -> None:
    """Makes a userland, or skips the test where that cannot be done."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("needs mmdebstrap to make a Raspberry Pi's userland; apt-get install it")
    script, pip = ROOT / "tools" / name, Path(sys.executable).with_name("pip")
    made = subprocess.run(
        [script, folder, pip, *needs], capture_output=True, text=True, timeout=600
    )
    if made.returncode:
        pytest.skip(f"no userland, perhaps no network: {made.stderr.strip()[-200:]}")
