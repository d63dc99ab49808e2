"""Runs the commands of results, one after the other; a failure does not stop the others."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from benchmarks.results.needs import NEEDS
from benchmarks.results.reader import ROOT, read_result, shipped, stale
from benchmarks.results.suite import WORK, Entry, Step, expanded, files_of, path_of
from common.child_process import child_environment
from common.errors import InputError, SamnetError
from common.result_file import write_json

STAGED = f"{WORK}/staged"
"""Where commands write; what is whole and decodes is put into place from there."""

State = Literal["renewed", "skipped", "failed"]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a result, and why where it was not renewed."""

    entry: Entry
    state: State
    why: str = ""


def renew(entry: Entry, *, busy: bool = False) -> Outcome:
    """Make a result anew; the earlier file stays unless the new one is whole.

    Args:
        entry: which.
        busy: measure on a machine that has other work, too.
    """
    for need in entry.needs:
        if busy and need == "quiet machine":
            continue
        if why := NEEDS[need]():
            return Outcome(entry, "skipped", f"needs {need}: {why}")
    try:
        for step in entry.steps:
            _make(step)
        staged = ROOT / STAGED / f"{entry.name}.json"
        staged.unlink(missing_ok=True)
        staged.parent.mkdir(parents=True, exist_ok=True)
        _run(entry.words(STAGED), ROOT / WORK / f"{entry.name}.log")
        if entry.is_test and not staged.is_file():
            return Outcome(entry, "skipped", f"the test wrote nothing; see {WORK}/{entry.name}.log")
        _put_into_place(entry, staged)
    except SamnetError as error:
        return Outcome(entry, "failed", str(error))
    return Outcome(entry, "renewed")


def state_of(entry: Entry) -> str:
    """Tell whether a result is current; if not, of what it is an earlier one."""
    path = path_of(entry)
    if not path.is_file():
        return "not measured"
    result = read_result(path)
    if files := stale(result):
        return f"stale: earlier {', '.join(files)}"
    wanted = [Path(path).name for word in entry.of.split() for path in files_of(word)]
    missing = [name for name in wanted if name not in result.measured]
    return f"stale: without {', '.join(missing)}" if missing else "current"


def date_of(entry: Entry) -> str:
    """Tell when a result was measured; empty where there is none."""
    path = path_of(entry)
    return read_result(path).environment.date[:16].replace("T", " ") if path.is_file() else ""


def _make(step: Step) -> None:
    """Make an input that is missing or older than what its command reads."""
    target, words = ROOT / step.makes, expanded(step.command)
    # Commands name networks by their files, or by the names of their shipped weights.
    named = [path for word in words if (path := shipped(f"{word}.safetensors"))]
    read = [*named, *(path for word in words if (path := ROOT / word).is_file() and path != target)]
    if target.is_file() and all(target.stat().st_mtime > path.stat().st_mtime for path in read):
        return
    if step.folder and target.parent.is_dir():
        shutil.rmtree(target.parent)
    _run(words, ROOT / WORK / f"{target.name}.log")
    if not target.is_file():
        raise InputError(f"{step.makes}: its command wrote nothing")


def _run(words: Sequence[str], log: Path) -> None:
    """Run a command of this project, its output in a log.

    Raises:
        InputError: if it fails, with its last line.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env=child_environment(),
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = lines[-1].removeprefix("error: ") if lines else f"status {done.returncode}"
        raise InputError(f"{words[0]}: {said[:300]}; see {log.relative_to(ROOT)}")


def _put_into_place(entry: Entry, staged: Path) -> None:
    """Check what a command wrote and make it the result."""
    result = read_result(staged)
    if result.kind != entry.kind:
        raise InputError(f"{staged.name}: is of kind {result.kind}, expected {entry.kind}")
    values = json.loads(staged.read_text(encoding="utf-8"))
    values["command"] = values["command"].replace(STAGED, "results")
    write_json(path_of(entry), values, overwrite=True)
    staged.unlink()


def report(outcome: Outcome, seconds: float) -> str:
    """Say in a line what became of a result."""
    spent = time.strftime("%H:%M:%S", time.gmtime(seconds))
    text = f"{outcome.entry.name}: {outcome.state} after {spent}"
    return f"{text}: {outcome.why}" if outcome.why else text
