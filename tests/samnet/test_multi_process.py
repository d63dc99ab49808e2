"""Two processes that share the photos give what one gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from common.images.photos import read_map, write_image
from samnet.data.layouts import find_pairs
from samnet.data.synthetic import scene, write_scenes

LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]


def launch(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs ``-m MODULE ARGUMENTS`` on two processes."""
    return subprocess.run(
        [*LAUNCH, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=240,
    )


@pytest.fixture
def two_sets(tmp_path):
    """Three scenes, of which the processes take two and one, and one, of which one takes none."""
    write_scenes(tmp_path / "three", 3, (72, 96))
    write_scenes(tmp_path / "one", 1, (72, 96))
    return tmp_path


def test_evaluation_by_two_processes_is_that_of_one(two_sets, tiny_checkpoint, command):
    sets = ["--data", two_sets / "three", "--data", two_sets / "one"]
    given = [*sets, "--model", tiny_checkpoint, "--threads", "1"]
    assert command("samnet.evaluate", *given, "--json", two_sets / "by-one.json")[0] == 0
    kept = ["--save-maps", two_sets / "kept"]
    launched = launch("samnet.evaluate", *given, "--json", two_sets / "by-two.json", *kept)
    assert launched.returncode == 0, launched.stderr
    assert launched.stdout.count("data set") == 1
    alone, together = (
        json.loads((two_sets / name).read_text()) for name in ("by-one.json", "by-two.json")
    )
    assert (alone["processes"], together["processes"]) == (1, 2)
    counts = {(row["data"], row["count"]) for row in together["rows"]}
    assert counts == {("three", 3), ("one", 1)}
    assert together["rows"] == alone["rows"]
    for pair in find_pairs(two_sets / "three").pairs:
        assert (two_sets / "kept/three" / f"{pair.stem}.png").is_file()


def test_prediction_by_two_processes_is_that_of_one(tmp_path, tiny_checkpoint, command):
    photos = tmp_path / "photos"
    for seed in range(3):
        write_image(photos / f"{seed}.jpg", scene(seed, (72, 96))[0])
    (photos / "damaged.jpg").write_bytes(b"no photo")
    given = [photos, "--model", tiny_checkpoint, "--threads", "1"]
    assert command("samnet.predict", *given, "--output", tmp_path / "by-one")[0] == 2
    launched = launch("samnet.predict", *given, "--output", tmp_path / "by-two")
    assert launched.returncode != 0
    assert "3 of 4 photos: maps in" in launched.stdout
    assert launched.stderr.count("1 of 4 photos failed") == 1
    for seed in range(3):
        maps = [read_map(tmp_path / place / f"{seed}.png") for place in ("by-one", "by-two")]
        np.testing.assert_array_equal(*maps)


def test_nothing_is_overwritten_by_two_processes(two_sets, tiny_checkpoint):
    result = two_sets / "kept.json"
    result.write_text("kept")
    given = ["--data", two_sets / "one", "--model", tiny_checkpoint, "--json", result]
    launched = launch("samnet.evaluate", *given)
    assert launched.returncode != 0
    assert "already exists" in launched.stderr
    assert result.read_text() == "kept"
