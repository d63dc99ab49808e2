from __future__ import annotations

import json
import os
import sys

import pytest

from common.errors import InputError
from common.result_file import command_line, environment, write_json, write_result


def test_the_environment_is_plain_json():
    found = json.loads(json.dumps(environment(threads=3)))
    assert found["threads"] == 3
    assert found["packages"]["numpy"]
    assert found["cpu"]
    assert isinstance(found["cpu_features"], list)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity here")
def test_threads_default_to_the_cores_at_hand():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert environment()["threads"] == 1
    finally:
        os.sched_setaffinity(0, before)


def test_writes_whole_files_alone(tmp_path):
    write_json(tmp_path / "deeper" / "a.json", {"x": 1})
    assert json.loads((tmp_path / "deeper" / "a.json").read_text()) == {"x": 1}
    with pytest.raises(InputError, match="--overwrite"):
        write_json(tmp_path / "deeper" / "a.json", {"x": 2})
    write_json(tmp_path / "deeper" / "a.json", {"x": 2}, overwrite=True)
    for wrong in ({"x": float("nan")}, {"x": object()}):
        with pytest.raises((TypeError, ValueError)):
            write_json(tmp_path / "b.json", wrong)
    assert [path.name for path in (tmp_path / "deeper").iterdir()] == ["a.json"]
    assert not (tmp_path / "b.json").exists()


def test_a_result_says_what_it_is_and_how_it_came_to_be(tmp_path):
    path = tmp_path / "a.json"
    write_result(path, "cost", {"networks": []}, measured={"x": "0"}, threads=2)
    found = json.loads(path.read_text())
    assert (found["kind"], found["version"], found["measured"]) == ("cost", 1, {"x": "0"})
    assert found["command"] == command_line() and found["environment"]["threads"] == 2
    assert list(found)[-1] == "networks"
    with pytest.raises(KeyError):
        write_result(path, "unknown", {}, overwrite=True)


@pytest.mark.parametrize(
    ("original", "arguments", "expected"),
    [
        (["/x/python", "-X", "utf8", "-m", "a.b"], ["c d", "-e"], "python -m a.b 'c d' -e"),
        (["/x/python", "-m", "a.b"], [], "python -m a.b"),
        (["/x/python", "/y/bin/samnet"], ["evaluate"], "samnet evaluate"),
    ],
)
def test_the_command_is_as_one_types_it(monkeypatch, original, arguments, expected):
    monkeypatch.setattr(sys, "orig_argv", [*original, *arguments])
    monkeypatch.setattr(sys, "argv", [original[-1], *arguments])
    assert command_line() == expected
