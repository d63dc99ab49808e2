"""The log of a run, one JSON object a line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.files import replacing

NAME = "log.jsonl"


@dataclasses.dataclass(frozen=True)
class RunLog:
    """What a run noted of its steps.

    Args:
        path: path of the file; each line has at least ``step``, the number of steps done.
    """

    path: Path

    def add(self, record: dict[str, Any]) -> None:
        """Add a line.

        Raises:
            InputError: if it cannot be written.
        """
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be written ({error.strerror}); make room, then go on with "
                "--resume"
            ) from error

    def records(self) -> list[dict[str, Any]]:
        """Read all lines."""
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def cut(self, done: int) -> None:
        """Forget what was noted after some steps, since a resumed run does the others again."""
        if not self.path.is_file():
            return
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        # A killed run may leave half a line.
        whole = [line for line in lines if line.endswith("\n")]
        kept = [line for line in whole if json.loads(line)["step"] <= done]
        with replacing(self.path, overwrite=True) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")
