"""The folder of a QAT run, from which it can be resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from common.errors import InputError
from samnet.training import resume_state, run_log
from samnet.training.resume_state import load_state, save_state
from samnet.training.run_log import RunLog


class Run:
    """A folder with ``state.pt`` (all that resuming needs), ``log.jsonl`` and ``best.pt2``.

    Args:
        folder: made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.best = folder / "best.pt2"
        self._log = RunLog(folder / run_log.NAME)
        self._state = folder / resume_state.NAME

    def check_is_new(self) -> None:
        """Raise InputError if the folder holds a run already."""
        for path in (self._state, self.best, self._log.path):
            if path.exists():
                raise InputError(
                    f"{self.folder}: holds a run already; pass --resume or choose another folder"
                )

    def log(self, record: dict[str, Any]) -> None:
        """Append a record, which has its ``step``, as a line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log.add(record)

    def save(self, state: dict[str, Any]) -> None:
        """Write the state whole or not at all."""
        save_state(self._state, state)

    def restore(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Read the state and forget what was logged after it, since that is done again.

        Args:
            settings: as they were saved under the same name; a run cannot change them.

        Raises:
            InputError: if there is no state, it is damaged, or its settings are others.
        """
        state = load_state(self._state, torch.device("cpu"))
        if "settings" not in state:
            raise InputError(f"{self._state}: not a readable state (of another kind of run)")
        before = state["settings"]
        changed = [name for name, value in settings.items() if before.get(name) != value]
        if changed:
            name = changed[0]
            raise InputError(
                f"{self._state}: the run has {name} {before.get(name)}, not {settings[name]}; "
                "resume with the options that it was started with"
            )
        self._log.cut(state["training"]["done"])
        return state
