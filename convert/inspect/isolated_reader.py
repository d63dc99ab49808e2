"""Inspects a file in a process of its own, so that a crash of a native reader harms nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common.errors import InputError, SamnetError
from common.files import replacing

SECONDS = 120
MEMORY = 16 << 30
"""Address space of the reader, most of which libraries reserve without using it."""


def read_isolated(path: str | Path) -> dict[str, Any]:
    """Read by a child what :func:`convert.inspect.inspection.read` gives.

    Raises:
        InputError: as that, and if the child crashes, or takes too long or too much memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", __name__, str(path), str(answer)]
        try:
            # Readers write warnings to both streams, which nobody waits for.
            status = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise InputError(f"{path}: not read after {SECONDS} s; the file is hostile") from error
        if not answer.exists():
            raise InputError(f"{path}: its reader ended with {_end(status)}; damaged file")
        values: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in values:
        raise InputError(values["error"])
    return values


def answer(path: Path) -> dict[str, Any]:
    """Describe what a file holds, or ``error``; to be called where a crash does no harm."""
    from convert.inspect.inspection import read

    try:
        return read(path)
    except SamnetError as error:
        reason = str(error)
    except ModuleNotFoundError as error:
        reason = f"{error.name} is not installed, which reads this kind; see samnet doctor"
    except MemoryError:
        reason = "takes more memory than a reader gets; damaged or hostile"
    except Exception as error:  # parsers of foreign formats raise whatever they stumble over
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        reason = f"damaged ({type(error).__name__}: {text[:200]})"
    return {"error": reason if reason.startswith(f"{path}: ") else f"{path}: {reason}"}


def _end(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    return signal.Signals(-status).name


def main() -> None:
    """Read the file of the first argument and write what it holds into that of the second."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    found = answer(Path(sys.argv[1]))
    with replacing(sys.argv[2]) as temporary:
        temporary.write_text(json.dumps(found, default=str), encoding="utf-8")
    # What a damaged file left in native libraries may keep the interpreter from ending.
    os._exit(0)


if __name__ == "__main__":
    main()
