from __future__ import annotations

import os
import sys

import pytest

from benchmarks.demo.steps import Steps
from common.errors import InputError


def test_chatter_goes_to_the_log(tmp_path, capfd):
    steps = Steps(1, tmp_path / "new" / "log")
    with steps.step("Convert", usually=30):
        os.write(1, b"an output\n")
        os.write(2, b"an error\n")
    print("afterwards")
    log = steps.log.read_text(encoding="utf-8")
    shown = capfd.readouterr()
    assert log == "an output\nan error\n"
    assert shown.out == "afterwards\n"
    assert "[1/1] Convert … usually about 30 s" in shown.err
    assert "an error" not in shown.err


def test_steps_are_counted_and_timed(tmp_path, capfd):
    steps = Steps(2, tmp_path / "log")
    for label in ("First", "Second"):
        with steps.step(label):
            pass
    assert [step.label for step in steps.done] == ["First", "Second"]
    assert all(step.seconds >= 0 for step in steps.done)
    assert "[2/2] Second" in capfd.readouterr().err


def test_a_failure_names_the_log_and_gives_the_terminal_back(tmp_path, capfd):
    steps = Steps(1, tmp_path / "log")
    with pytest.raises(ZeroDivisionError), steps.step("Break"):
        raise ZeroDivisionError
    print("still here", file=sys.stderr)
    error = capfd.readouterr().err
    assert f"Break: failed, see {steps.log}" in error
    assert "still here" in error
    assert steps.done == []


def test_a_log_that_cannot_be_written_is_wrong_input(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        Steps(1, tmp_path / "file" / "log")
