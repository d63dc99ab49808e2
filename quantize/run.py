"""The folder of a run of quantisation-aware training, from which it can be resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from edge_apps.errors import InputError
from edge_apps.files import replacing


class Run:
    """A folder with ``state.pt`` (all that resuming needs), ``log.jsonl`` and ``best.pt2``.

    Args:
        folder: made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.best = folder / "best.pt2"
        self._log = folder / "log.jsonl"
        self._state = folder / "state.pt"

    def check_is_new(self) -> None:
        """Raises InputError if the folder holds a run already."""
        for path in (self._state, self.best, self._log):
            if path.exists():
                raise InputError(
                    f"{self.folder}: holds a run already; pass --resume or choose another folder"
                )

    def log(self, record: dict[str, Any]) -> None:
        """Appends a record, which has its ``step``, as a line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self._log, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def save(self, state: dict[str, Any]) -> None:
        """Writes the state whole or not at all."""
        with replacing(self._state, overwrite=True) as temporary:
            torch.save(state, temporary)

    def restore(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Reads the state and forgets what was logged after it, since that is done again.

        Args:
            settings: as they were saved under the same name; a run cannot change them.

        Raises:
            InputError: if there is no state, it is damaged, or its settings are others.
        """
        if not self._state.is_file():
            raise InputError(f"{self._state}: no state to resume from; start without --resume")
        try:
            state: dict[str, Any] = torch.load(self._state, weights_only=True)
            before = state["settings"]
        except Exception as error:
            # The reader raises whatever its zip and tensor parsers do; none is documented.
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(f"{self._state}: not a readable state ({reason})") from error
        changed = [name for name, value in settings.items() if before.get(name) != value]
        if changed:
            name = changed[0]
            raise InputError(
                f"{self._state}: the run has {name} {before.get(name)}, not {settings[name]}; "
                "resume with the options that it was started with"
            )
        self._forget_later_records(state["training"]["done"])
        return state

    def _forget_later_records(self, done: int) -> None:
        if not self._log.is_file():
            return
        lines = self._log.read_text(encoding="utf-8").splitlines(keepends=True)
        # A killed run can leave half a line at the end.
        whole = [line for line in lines if line.endswith("\n")]
        with replacing(self._log, overwrite=True) as temporary:
            temporary.write_text(
                "".join(line for line in whole if json.loads(line)["step"] <= done),
                encoding="utf-8",
            )
