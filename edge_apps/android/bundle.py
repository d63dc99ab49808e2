"""Finds the runner for a device: the bundle of ``native/build.sh``, or a user's own program."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from common.errors import InputError
from common.safe_json import parse_json

MACHINES = {183: "arm64-v8a", 62: "x86_64", 40: "armeabi-v7a", 3: "x86"}
"""Android's name for the machine in an ELF header."""

BUILDABLE = ("arm64-v8a", "x86_64")
"""What the build script can make."""

FORMATS = (".tflite", ".pte")
"""Suffixes of the models that runners are built for."""

BUILD = Path(__file__).with_name("native") / "build.sh"


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A runner and what it needs, to be copied into one folder of the device.

    Args:
        folder: holds the files, among them ``run``, a shell script that starts the runner.
        abi: ABI of the device it runs on.
        formats: suffixes of the models it takes.
        runtime: name and version of what runs them.
    """

    folder: Path
    abi: str
    formats: tuple[str, ...]
    runtime: str

    @property
    def files(self) -> list[Path]:
        """What has to be copied, sorted by name."""
        return sorted(path for path in self.folder.iterdir() if path.is_file())


def cache_folder() -> Path:
    """Return the folder where bundles are built, one an ABI and format as ``arm64-v8a-tflite``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "samnet" / "android"


def read_bundle(folder: Path) -> Bundle:
    """Read what a bundle says of itself.

    Raises:
        InputError: if the folder holds no bundle, or its program is for another machine.
    """
    path = folder / "bundle.json"
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
        bundle = Bundle(folder, values["abi"], tuple(values["formats"]), values["runtime"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a runner's bundle ({error}); build it anew") from error
    program = folder / "samnet_runner"
    if program.is_file() and (found := elf_abi(program)) not in (None, bundle.abi):
        raise InputError(f"{program}: built for {found}, its bundle says {bundle.abi}; build anew")
    return bundle


def find_bundle(abis: Sequence[str], suffix: str, folder: Path | None) -> Bundle:
    """Find the bundle for a device and a model.

    Args:
        abis: ABIs that the device runs, best first.
        suffix: suffix of the model.
        folder: folder of the bundle; None for the first that was built for one of ``abis``.

    Raises:
        InputError: if there is none, or it is for another ABI or format.
    """
    if suffix not in FORMATS:
        raise InputError(f"no runner takes {suffix}; give a model in {' or '.join(FORMATS)}")
    if folder is None:
        built = (cache_folder() / f"{abi}-{suffix[1:]}" for abi in abis)
        folder = next((path for path in built if (path / "bundle.json").is_file()), None)
    if folder is None:
        wanted = next((abi for abi in abis if abi in BUILDABLE), None)
        if wanted is None:
            raise InputError(
                f"device runs {', '.join(abis) or 'no known ABI'}, the runner can be built for "
                f"{', '.join(BUILDABLE)} only"
            )
        raise InputError(
            f"no runner for {wanted} and {suffix} in {cache_folder()}; build it with: "
            f"{BUILD} {wanted} {suffix[1:]}"
        )
    bundle = read_bundle(folder)
    require_abi(bundle.folder, bundle.abi, abis)
    if suffix not in bundle.formats:
        raise InputError(
            f"runner in {folder} takes {', '.join(bundle.formats)}, not {suffix}; "
            "give a model in that format"
        )
    return bundle


def require_abi(runner: Path, abi: str | None, abis: Sequence[str]) -> None:
    """Refuse a runner that a device cannot execute.

    Raises:
        InputError: naming both ABIs.
    """
    if abi is None:
        raise InputError(f"{runner}: no program for Android (not an ELF file of a known machine)")
    if abi not in abis:
        raise InputError(
            f"{runner}: wrong ABI, built for {abi}, the device runs {', '.join(abis) or 'unknown'}"
        )


def elf_abi(path: Path) -> str | None:
    """Read the ABI of a program or library; None if it is no ELF file of a known machine."""
    with open(path, "rb") as file:
        header = file.read(20)
    if len(header) < 20 or header[:4] != b"\x7fELF":
        return None
    return MACHINES.get(int.from_bytes(header[18:20], "little"))
