"""Requirements of every command, installed versions, and combinations known to fail."""

from __future__ import annotations

import configparser
import dataclasses
import platform
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from common.errors import MissingPackageError
from common.installed import installed_version
from samnet.commands import ENTRIES

Versions = Callable[[str], str | None]
"""Gives the version of a distribution, None where it is not installed."""

PROJECT = "samnet"

COMMANDS = {
    name: extras
    for entry in ENTRIES
    for name, extras in (
        (f"samnet {entry.name}", entry.needs),
        *((f"samnet {entry.name}, {what}", extras) for what, extras in entry.variants),
    )
}
"""Each command and the extras of ``setup.cfg`` that it needs."""


@dataclasses.dataclass(frozen=True)
class Conflict:
    """Packages that do not work together.

    Args:
        package: the one to change.
        bad: its versions that fail, as a specifier.
        beside: the package and versions it fails beside; empty where it always does.
        reason: what happens.
        fix: the command that ends it.
    """

    package: str
    bad: str
    beside: str
    reason: str
    fix: str


CONFLICTS = (
    Conflict(
        "onnx2tf",
        ">=1.29",
        "executorch",
        "pins numpy 1.26.4 and tensorflow 2.19, which ExecuTorch cannot share",
        "pip install onnx2tf==1.28.8",
    ),
    Conflict(
        "tflite-runtime",
        ">=0",
        "numpy>=2",
        "cannot build an interpreter beside numpy 2; ai-edge-litert is its successor",
        "pip uninstall -y tflite-runtime && pip install ai-edge-litert==2.3.0",
    ),
    Conflict(
        "typing_extensions",
        ">=4.13",
        "litert-torch",
        "the xdsl of litert-torch excludes it",
        "pip install 'typing_extensions<4.13'",
    ),
    Conflict(
        "pydantic",
        ">=2.12",
        "litert-torch",
        "needs a typing_extensions that the xdsl of litert-torch excludes",
        "pip install 'pydantic<2.12'",
    ),
    Conflict(
        "numpy",
        ">=2.3.5",
        "tensorflow",
        "tensorflow and its companions were built against an earlier numpy",
        "pip install 'numpy>=2,<2.3.5'",
    ),
)


@dataclasses.dataclass(frozen=True)
class Problem:
    """A requirement that is not met.

    Args:
        package: by name.
        version: that is installed; None where there is none.
        needed: versions, as a specifier.
    """

    package: str
    version: str | None
    needed: str

    def __str__(self) -> str:
        return f"{self.package} {self.version or 'missing'}, needs {self.needed or 'any'}"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one command lacks.

    Args:
        command: its name.
        problems: each once; empty where it can run.
        fix: the command that ends them.
    """

    command: str
    problems: tuple[Problem, ...]
    fix: str = ""


def declared_requirements(folder: Path = Path(__file__).parents[2]) -> list[str]:
    """Return what this project requires, with its extras as markers.

    A checkout's own ``setup.cfg`` is believed before what was recorded when it was installed,
    which may be an earlier one.

    Args:
        folder: where ``setup.cfg`` stands, if anywhere.

    Raises:
        InputError: if there is neither a checkout nor an installation.
    """
    parser = configparser.ConfigParser()
    if not parser.read(folder / "setup.cfg", encoding="utf-8"):
        try:
            return metadata.requires(PROJECT) or []
        except metadata.PackageNotFoundError as error:
            raise MissingPackageError("samnet is not installed; pip install -e '.[all]'") from error
    found = parser["options"]["install_requires"].split("\n")
    for extra, text in parser["options.extras_require"].items():
        found += [f'{line}; extra == "{extra}"' for line in text.split("\n") if line]
    return [line for line in found if line]


def requirements(extras: Sequence[str], declared: Sequence[str]) -> list[Requirement]:
    """Follow what a project with extras requires through its references to its own extras.

    Args:
        extras: names of extras; what is required without any is always among the result.
        declared: the project's requirements, with their markers.
    """
    found: dict[str, Requirement] = {}
    pending, seen = ["", *extras], set[str]()
    while pending:
        extra = pending.pop(0)
        if extra in seen:
            continue
        seen.add(extra)
        for text in declared:
            requirement = Requirement(text)
            only_extra = requirement.marker and "extra" in str(requirement.marker)
            if bool(only_extra) != bool(extra):
                continue
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            if requirement.name == PROJECT:
                pending += sorted(requirement.extras)
            else:
                found[str(requirement)] = requirement
    return list(found.values())


def examine(declared: Sequence[str], versions: Versions = installed_version) -> list[Finding]:
    """Find whether each command has what it needs."""
    found = []
    for command, extras in COMMANDS.items():
        unmet = [
            Problem(requirement.name, version, str(requirement.specifier))
            for requirement in requirements(extras, declared)
            if not _meets(version := versions(requirement.name), requirement)
        ]
        fix = f"pip install -e '.[{','.join(extras)}]'" if unmet else ""
        # Several extras may require the same.
        found.append(Finding(command, tuple(dict.fromkeys(unmet)), fix))
    return found


def conflicts(versions: Versions = installed_version) -> Iterator[Conflict]:
    """List the known conflicts that are present."""
    for conflict in CONFLICTS:
        there = _meets(versions(conflict.package), Requirement(conflict.package + conflict.bad))
        other = Requirement(conflict.beside)
        if there and _meets(versions(other.name), other):
            yield conflict
    torch, vision = versions("torch"), versions("torchvision")
    if torch and vision and torch.endswith("+cpu") and not vision.endswith("+cpu"):
        yield Conflict(
            "torchvision",
            f"=={vision}",
            f"torch=={torch}",
            "a CUDA build, whose plain import fails beside a CPU torch (operator "
            "torchvision::nms does not exist); this project's commands import it all the same",
            "pip install --force-reinstall --no-deps torchvision==0.28.0 "
            "--index-url https://download.pytorch.org/whl/cpu",
        )


def python_problem(version: str = platform.python_version()) -> str | None:
    """Say what is wrong with the interpreter, None where nothing is."""
    if Version("3.11") <= Version(version) < Version("3.12"):
        return None
    return (
        f"Python is {version}, expected 3.11: the pinned packages of all but the device programs "
        "are built for that"
    )


def _meets(version: str | None, requirement: Requirement) -> bool:
    if version is None:
        return False
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False
