"""``samnet doctor``: says which commands can run, and which file is for this processor.

Nothing that it asks about is imported but NumPy, which knows the processor, so it works whatever is
missing.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

from common import processor
from common.command import Command
from common.errors import MissingPackageError
from common.installed import installed_version
from edge_apps.recommendation import recommendation


def examination() -> tuple[list[str], bool]:
    """Write lines that say what was found, and tell whether every command can run.

    Raises:
        InputError: if this project or the parser of requirements is not installed.
    """
    environment = _environment()
    declared = environment.declared_requirements()
    names = {
        requirement.name
        for extras in environment.COMMANDS.values()
        for requirement in environment.requirements(extras, declared)
    }
    findings = environment.examine(declared)
    problems = {it.package: str(it) for finding in findings for it in finding.problems}
    lines = ["versions"]
    for name in sorted(names, key=str.lower):
        lines.append(f"  {problems.get(name) or f'{name} {installed_version(name)}'}")
    lines.append("commands")
    problem = environment.python_problem()
    lines += [f"  {problem}"] if problem else []
    for finding in findings:
        lacks = ", ".join(it.package for it in finding.problems)
        verdict = f"cannot run because of {lacks}" if lacks else "can run"
        lines.append(f"  {finding.command}: {verdict}")
        lines += [f"    → {finding.fix}"] if finding.fix else []
    present = list(environment.conflicts())
    lines.append("known conflicts" if present else "known conflicts: none")
    for conflict in present:
        lines += [f"  {conflict.package} beside {conflict.beside}: {conflict.reason}"]
        lines += [f"    → {conflict.fix}"]
    lines += processor_lines(processor.name(), processor.features())
    return lines, not problem and not any(finding.problems for finding in findings)


def processor_lines(name: str, features: Sequence[str]) -> list[str]:
    """Write lines on a processor and on the shipped file that is for it.

    Args:
        name: of the processor.
        features: its instruction sets, as the Linux kernel names them.
    """
    known = ", ".join(features) or "none of the instruction sets that matter"
    return ["processor", f"  {name}: {known}", *(f"  {line}" for line in recommendation(features))]


def _environment() -> Any:
    try:
        from convert.doctor import environment
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{error.name} is not installed; pip install {error.name}"
        ) from error
    return environment


@dataclasses.dataclass
class Options:
    """None."""


def main(_: Options) -> None:
    """Print the examination; end with status 1 where a command cannot run."""
    lines, healthy = examination()
    print("\n".join(lines))
    if not healthy:
        sys.exit(1)


COMMAND = Command.of(
    Options,
    main,
    "Says which commands can run here, what the others lack, and which file is for this processor.",
)
