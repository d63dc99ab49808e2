"""Expected errors have one base, which every command turns into a line and an exit status."""

from __future__ import annotations

import subprocess
import sys

import pytest

import samnet
from common import errors
from edge_apps.android.errors import ConnectionLost, PassingError, RunnerKilled
from edge_apps.compare.backends import Absent

KINDS = [
    errors.InputError,
    errors.MissingPackageError,
    errors.TrainingDivergedError,
    errors.CheckFailedError,
    errors.DeviceError,
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_caller_can_tell_kinds_apart_or_catch_all(kind):
    assert issubclass(kind, samnet.SamnetError)
    assert not any(issubclass(kind, other) for other in KINDS if other is not kind)


@pytest.mark.parametrize("kind", [PassingError, ConnectionLost, RunnerKilled, Absent])
def test_what_fails_on_a_device_is_an_error_of_devices(kind):
    assert issubclass(kind, errors.DeviceError)


@pytest.mark.parametrize("kind", KINDS)
def test_a_command_ends_with_one_line_and_status_2(kind):
    code = (
        "from common import cli, errors\n"
        "def main():\n"
        f"    raise errors.{kind.__name__}('x.png: found this, expected that; do so')\n"
        "cli.finish(main)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: x.png: found this, expected that; do so\n"
    assert done.stdout == ""
