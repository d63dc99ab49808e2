from __future__ import annotations

import json
import os

import pytest

from common.errors import InputError
from common.result_file import environment, write_result


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
    write_result(tmp_path / "deeper" / "a.json", {"x": 1})
    assert json.loads((tmp_path / "deeper" / "a.json").read_text()) == {"x": 1}
    with pytest.raises(InputError, match="--overwrite"):
        write_result(tmp_path / "deeper" / "a.json", {"x": 2})
    write_result(tmp_path / "deeper" / "a.json", {"x": 2}, overwrite=True)
    for wrong in ({"x": float("nan")}, {"x": object()}):
        with pytest.raises((TypeError, ValueError)):
            write_result(tmp_path / "b.json", wrong)
    assert [path.name for path in (tmp_path / "deeper").iterdir()] == ["a.json"]
    assert not (tmp_path / "b.json").exists()
