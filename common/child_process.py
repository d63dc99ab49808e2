"""Processes of Python that a command starts for itself."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""Where a child process finds this software."""


def child_environment(**changes: str) -> dict[str, str]:
    """Return the variables with which a child imports this software's packages, as its parent does.

    Args:
        **changes: variables that differ from this process's.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, **changes}
