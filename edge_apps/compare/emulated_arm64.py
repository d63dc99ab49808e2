"""The backend of a comparison that emulates an arm64 processor: right maps, meaningless times."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np

from common.child_process import ROOT
from common.errors import SamnetError
from common.images.photos import Bytes
from edge_apps.android.bundle import cache_folder, find_bundle
from edge_apps.compare.backends import Absent, Maps, run_child, run_program

PROCESSORS = ("cortex-a53", "cortex-a76")
"""Of the Raspberry Pi 3 and 5, which take other kernels."""

PYTHON = Path("root/usr/bin/python3.11")
"""In a userland's folder."""

MAKE = "tools/userland.sh FOLDER .venv/bin/pip 'numpy<2.3.5' pillow ai-edge-litert==2.3.0"


class Emulated:
    """One processor under qemu: Python and LiteRT of a userland, or the native runner for ``.pte``.

    Args:
        processor: processor as qemu names it.
        userland: folder with ``qemu-aarch64`` and an arm64 system in ``root``; None for the one
            in the cache.
    """

    def __init__(self, processor: str, userland: Path | None) -> None:
        self.name = f"{processor} under qemu"
        self._processor = processor
        self._given = userland

    def run(self, model: Path, frames: Bytes) -> Maps:
        """See :class:`edge_apps.compare.backends.Backend`; latencies would mean nothing."""
        if model.suffix == ".tflite":
            python = guest_python(self._processor, self._given)
            return run_child(python, "cpu", model, frames, 1)._replace(taken=None)
        if model.suffix == ".pte":
            folder = _folder(self._given)
            return self._by_runner(_qemu(folder, self._processor), model, frames)
        raise Absent(f"nothing there runs {model.suffix}; give .tflite or .pte")

    def _by_runner(self, qemu: list[str], model: Path, frames: Bytes) -> Maps:
        try:
            bundle = find_bundle(("arm64-v8a",), model.suffix, None)
        except SamnetError as error:
            raise Absent(str(error)) from error
        loader = bundle.folder / "ld-linux-aarch64.so.1"
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            names = [f"{number:06}" for number in range(len(frames))]
            for part in ("photos", "maps"):
                (work / part).mkdir()
            for it, frame in zip(names, frames, strict=True):
                (work / "photos" / it).write_bytes(frame.tobytes())
            (work / "list").write_text("".join(f"{it}\n" for it in names))
            command = [*qemu, str(loader), "--library-path", str(bundle.folder)]
            words = (bundle.folder / "samnet_runner", model.resolve(), work / "list")
            command += [*map(str, (*words, work / "photos", work / "maps")), "1", "0", "1"]
            run_program(command, len(frames))
            flat = np.stack([np.fromfile(work / "maps" / it, np.uint8) for it in names])
        side = math.isqrt(flat.shape[1])
        return Maps(flat.reshape(len(frames), side, side), None)


def guest_python(processor: str, userland: Path | None) -> list[str]:
    """Return the command line of an arm64 Python with this project and LiteRT, run by qemu.

    Args:
        processor: processor as qemu names it.
        userland: its folder; None for the one in the cache.

    Raises:
        Absent: if there is none.
    """
    folder = _folder(userland)
    if not (folder / PYTHON).exists():
        raise Absent(f"no {PYTHON} in {folder}; make a userland with {MAKE}")
    root = folder / "root"
    variables = {
        "PYTHONPATH": f"{root / 'opt/python'}:{ROOT}",
        "PYTHONHOME": str(root / "usr"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    settings = [word for name in variables for word in ("-E", f"{name}={variables[name]}")]
    return [*_qemu(folder, processor), "-L", str(root), *settings, str(folder / PYTHON)]


def _qemu(folder: Path, processor: str) -> list[str]:
    return [str(folder / "qemu-aarch64"), "-cpu", processor]


def _folder(given: Path | None) -> Path:
    folder = given or _cached()
    if folder is None or not (folder / "qemu-aarch64").exists():
        where = folder or f"{cache_folder().parent}/raspberry-pi-*"
        raise Absent(f"no qemu-aarch64 in {where}; make a userland with {MAKE}")
    return folder


def _cached() -> Path | None:
    """Find the newest userland in the cache, else a folder with qemu alone, else None."""
    base = cache_folder().parent
    folders = [*base.glob("raspberry-pi-*"), base / "android-phone"]
    usable = [folder for folder in folders if (folder / "qemu-aarch64").exists()]
    usable.sort(key=lambda it: ((it / PYTHON).exists(), it.stat().st_mtime))
    return usable[-1] if usable else None
