"""What a measurement needs of the machine, and why it is not there."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.baselines import trained
from benchmarks.results.reader import ROOT
from common import processor
from common.errors import InputError, SamnetError
from edge_apps.recommendation import core

DATA = Path(os.path.relpath(ROOT.parent / "shared" / "data", ROOT))
"""Folder of the data sets, relative to the repository."""

SPARE = 0.5
"""Of the one core that a measurement needs, how much other work may ask for."""


DAVIS = Path("runs/DAVIS")
"""Folder of DAVIS 2017, fetched by whoever measures steadiness, likewise."""


def _data(folder: Path) -> Callable[[], str]:
    return lambda: "" if (ROOT / folder).is_dir() else f"{folder}: no such folder"


def _programs(*names: str) -> Callable[[], str]:
    def look() -> str:
        missing = [name for name in names if shutil.which(name) is None]
        return f"{', '.join(missing)}: not installed" if missing else ""

    return look


def _counter() -> str:
    from benchmarks.arm64.command import Counter, cache, newest_userland

    try:
        Counter(cache() / "qemu-count", newest_userland()).check()
    except InputError as error:
        return str(error)
    return ""


def _userland() -> str:
    from edge_apps.compare.emulated_arm64 import PROCESSORS, guest_python

    try:
        guest_python(PROCESSORS[0], None)
    except InputError as error:
        return str(error)
    return ""


def _peers() -> str:
    """Fetch what can be fetched; a peer that cannot be had is a row that says so."""
    from benchmarks.peers.fetch import fetch
    from benchmarks.peers.table import PEERS

    absent, files = [], [(name, it) for name, peer in PEERS.items() for it in peer.suffixes]
    for name, suffix in files:
        try:
            fetch(name, ROOT / "runs" / "peers", suffix)
        except SamnetError as error:
            absent.append(str(error))
    return absent[0] if len(absent) == len(files) else ""


def _baselines() -> str:
    """Look for weights of any; those without are rows that say so."""
    if trained.trained_baselines():
        return ""
    return f"none in {os.path.relpath(trained.FOLDER, ROOT)}, whose README.md says how to train one"


def _quiet() -> str:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores - 1 + SPARE:
        return ""
    return f"load {load:.1f} on {cores} cores; --busy, or BUSY=1 with make, measures all the same"


def _without_vnni() -> str:
    found = core(processor.features())
    return "" if found is core(["avx2"]) else f"this one is {found.name}"


def _packages(*names: str) -> Callable[[], str]:
    def look() -> str:
        missing = [name for name in names if importlib.util.find_spec(name) is None]
        return f"no package {', '.join(missing)}" if missing else ""

    return look


NEEDS: dict[str, Callable[[], str]] = {
    "ECSSD": _data(DATA / "ECSSD"),
    "DUTS-TE": _data(DATA / "DUTS-TE-dev"),
    "DUTS-TR": _data(DATA / "DUTS-TR"),
    "DAVIS": _data(DAVIS),
    "peers": _peers,
    "trained baselines": _baselines,
    "quiet machine": _quiet,
    "processor without VNNI": _without_vnni,
    "counting qemu": _counter,
    "arm64 userland": _userland,
    "board emulator": _programs("qemu-system-aarch64", "mmdebstrap", "cpio"),
    "device emulator": _programs("mmdebstrap"),
    "OpenCV": _packages("cv2"),
    "OpenVINO": _packages("openvino", "nncf"),
    "onnx2tf": _packages("onnx2tf", "tensorflow"),
    "pytorchcv": _packages("pytorchcv"),
}
"""By name: a function that says why it is missing, or nothing where it is there."""
