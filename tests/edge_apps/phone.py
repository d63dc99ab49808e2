"""Debian's arm64 adbd under qemu, in namespaces of its own: see phone.sh."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import found_in

from edge_apps.android.bundle import cache_folder

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "phone.sh"
ROOT = Path(__file__).resolve().parents[2]
SERIAL = "127.0.0.1:5555"
TOOLS = ("mmdebstrap", "arch-test", "proot", "unshare", "nsenter", "ip", "aarch64-linux-gnu-g++")

NAMESPACES = ("unshare", "-n", "-m", "-p", "-f", "--kill-child", "--mount-proc")

GETPROP = """#!/bin/sh
case $1 in
ro.product.cpu.abilist) echo {abi} ;;
ro.product.model) echo Debian adbd ;;
ro.boot.qemu) echo 1 ;;
esac
"""


def build() -> Path:
    """The folder of the system, made if it is not in the cache."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(missing) or 'all its tools are here'}")
    pytest.importorskip("adbutils", reason="needs samnet[android]")
    folder = cache_folder().parent / "android-phone"
    command = [SCRIPT, "build", folder]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if made.returncode:
        pytest.skip(f"no arm64 system, perhaps no network: {made.stderr.strip()[-200:]}")
    return folder


class Phone:
    """One device, switched on and connected by :meth:`plug`.

    Args:
        folder: as :func:`build` gives it.
        work: for this device's own files.
        size: of /data/local/tmp, as mount takes it.
        abi: that the device says it runs.
    """

    def __init__(self, folder: Path, work: Path, size: str = "64m", abi: str = "arm64-v8a") -> None:
        self.folder, self.work = folder, work
        self.properties = work / "getprop"
        self.properties.write_text(GETPROP.format(abi=abi))
        self.properties.chmod(0o755)
        self.adbd: subprocess.Popen[bytes] | None = None
        self.holder = subprocess.Popen(
            [*NAMESPACES, SCRIPT, "hold", folder, size],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            found_in(self.holder.stdout, "ready", 30)
        except BaseException:
            self.off()
            raise
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text()
        self.inside = ["nsenter", "-n", "-m", "-p", "-t", children.split()[0]]

    def plug(self) -> None:
        """Starts adbd, which a client finds after a second or two."""
        command = [*self.inside, str(SCRIPT), "adbd", str(self.folder), str(self.properties)]
        with open(self.work / "adbd.log", "ab") as log:
            self.adbd = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        self.adb("disconnect", SERIAL)
        while self.adb("connect", SERIAL).stdout.split()[:1] not in (["connected"], ["already"]):
            assert time.monotonic() < deadline, (self.work / "adbd.log").read_text()
            time.sleep(0.5)

    def unplug(self) -> None:
        """Ends adbd and all it started, as when the cable is pulled and the device restarts."""
        assert self.adbd is not None
        # adbd before the rest, so that it cannot tell of their end, and proot after adbd.
        adbd = sorted(self.pids("platform-tools/adbd"), reverse=True)
        for pid in (*adbd, *self.pids("qemu-aarch64")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.adbd.wait(30)

    def pids(self, word: str) -> list[int]:
        """Processes of this device, by a word in their command line, as the host numbers them."""
        mine = Path(f"/proc/{self.inside[-1]}/ns/pid").readlink()
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    line = (folder / "cmdline").read_bytes().decode(errors="replace")
                    if (folder / "ns/pid").readlink() == mine and word in line:
                        found.append(int(folder.name))
                except OSError:
                    continue
        return found

    def adb(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs the adb client inside."""
        import adbutils

        return self.call(adbutils.adb_path(), *words)

    def shell(self, line: str) -> str:
        """What a command on the device prints."""
        return self.adb("-s", SERIAL, "shell", line).stdout

    def command(self, *words: str | Path, folder: Path | None = None) -> list[str]:
        """The command line of ``python -m edge_apps.android`` inside, in a folder."""
        settings = (f"HOME={self.work}", f"XDG_CACHE_HOME={cache_folder().parents[1]}")
        python = (f"PYTHONPATH={ROOT}", sys.executable, "-m", "edge_apps.android")
        env = ("env", f"--chdir={folder or ROOT}", *settings)
        return [*self.inside, *env, *python, *map(str, words)]

    def call(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a program inside."""
        line = [*self.inside, "env", f"HOME={self.work}", *map(str, words)]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)

    def run(
        self, *words: str | Path, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs ``python -m edge_apps.android`` inside."""
        command = self.command(*words, folder=folder)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    def off(self) -> None:
        """Ends everything; the namespace takes its processes along."""
        self.holder.kill()
        self.holder.wait(30)
        if self.adbd is not None:
            self.adbd.wait(30)


def started(folder: Path, work: Path, **options: str) -> Iterator[Phone]:
    """A device that is connected, and ended at last."""
    phone = Phone(folder, work, **options)
    try:
        phone.plug()
        yield phone
    finally:
        phone.off()
