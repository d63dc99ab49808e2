"""All forms at once in several processes: the same rows, lines and files as in one."""

from __future__ import annotations

import dataclasses
import re

import pytest
from PIL import Image

from common.errors import InputError
from common.worker_pool import Lost
from convert.all import parallel
from convert.all.options import Options
from convert.all.parallel import default_jobs, job_count, parallel_rows, units
from convert.all.work import Outcome, Work
from convert.contract.forms import FORMS


@pytest.fixture
def work(edge_checkpoint, tmp_path):
    def make(**options):
        return Work(Options((edge_checkpoint,), tmp_path / "all", **options))

    return make


@pytest.fixture
def pool(monkeypatch):
    """Processes that do the job given last first, and lose some."""
    lost, given = set(), []

    class Pool:
        def __init__(self, start, argument, count):
            self.count, self.busy = count, []

        def __class_getitem__(cls, names):
            return cls

        def __enter__(self):
            return self

        def __exit__(self, *error):
            assert not self.busy

        @property
        def is_free(self):
            return len(self.busy) < self.count

        def give(self, unit):
            assert self.is_free
            self.busy.append(unit)
            given.append(unit)

        def wait(self):
            unit = self.busy.pop()
            if lost.intersection(unit):
                return unit, Lost(-9)
            return unit, [Outcome(rows[number], said=f"  of {number}\n") for number in unit]

    rows = {}
    monkeypatch.setattr(parallel, "WorkerPool", Pool)
    Pool.rows, Pool.lost, Pool.given = rows, lost, given
    return Pool


def run(work, pool, jobs, failures=()):
    tasks = list(work.tasks())
    steps = work.steps(tasks)
    for number, step in enumerate(steps):
        failure = "no" if step.row.file in failures else ""
        pool.rows[number] = dataclasses.replace(step.row, megabytes=1, failure=failure)
    return steps, list(parallel_rows(work, tasks, jobs))


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_rows_come_in_the_order_of_one_process(work, pool, jobs, capsys):
    steps, rows = run(work(), pool, jobs)
    assert [row.file for row in rows] == [step.row.file for step in steps]
    assert len(rows) == len(FORMS) + 2 and not any(row.failure for row in rows)
    assert sorted(number for unit in pool.given for number in unit) == list(range(len(rows)))
    lines = capsys.readouterr().out.splitlines()
    expected = [
        line
        for number, step in enumerate(steps)
        for line in (
            f"{step.where} {step.row.file} …",
            f"  of {number}",
            f"{step.where} {step.row.file}: 1.00 MB, 0 s",
        )
    ]
    assert lines == expected


def test_programs_come_first_and_forms_that_share_stay_together(work):
    steps = work().steps(list(work().tasks()))
    names = [tuple(steps[number].row.file[13:] for number in unit) for unit in units(steps)]
    assert names[:3] == [
        ("int8.pt2",),
        ("int16x8.pt2",),
        ("fp32.tflite", "fp16.tflite", "dynamic.tflite"),
    ]
    assert ("int8.tflite",) in names and ("int8-onnx2tf.tflite",) in names


def test_files_of_a_program_that_failed_are_not_begun(work, pool, capsys):
    _, rows = run(work(), pool, 2, failures={"tiny-edge_96_int8.pt2"})
    failures = {row.file[13:]: row.failure for row in rows if row.failure}
    assert failures.pop("int8.pt2") == "no"
    assert set(failures) == {"int8.tflite", "int8.pte", "int8.onnx"}
    assert set(failures.values()) == {"its program was not made"}
    assert "int8.pte …" not in capsys.readouterr().out


def test_a_lost_process_fails_what_it_had_to_make_alone(work, pool, capsys):
    steps = work().steps(list(work().tasks()))
    pool.lost.add(next(n for n, step in enumerate(steps) if step.row.file.endswith("fp32.pte")))
    _, rows = run(work(), pool, 2)
    (failed,) = (row for row in rows if row.failure)
    assert failed.file.endswith("fp32.pte")
    assert failed.failure == (
        "its process was ended by the system (Killed); with --jobs 1 it has all of the memory"
    )
    assert f"failed ({failed.failure})" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cores", "free", "expected"), [(1, 64, 1), (2, 64, 2), (2, 5, 1), (2, 1, 1), (32, 64, 4)]
)
def test_as_many_processes_as_cores_and_memory_are_good_for(
    cores, free, expected, monkeypatch, tmp_path
):
    monkeypatch.setattr(parallel, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(parallel, "usable_cores", lambda: cores)
    kilobytes = free * 1_000_000
    (tmp_path / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable:   {kilobytes} kB\n")
    assert default_jobs() == expected
    (tmp_path / "meminfo").unlink()
    assert default_jobs() == min(cores, 4)


def test_no_more_processes_than_there_is_work_for(work):
    made = work(jobs=8, suffixes=(".pte",), precisions=("fp32",))
    assert job_count(made, list(made.tasks())) == 1
    with pytest.raises(InputError, match="--jobs is 0, expected 1 or more"):
        job_count(work(jobs=0), [])


@pytest.fixture
def plain_photos(tmp_path):
    """Photos that no program can be calibrated on."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for level in range(8):
        Image.new("RGB", (20, 20), (30 * level,) * 3).save(folder / f"{level}.png")
    return folder


def test_two_processes_write_and_say_what_one_does(
    edge_checkpoint, plain_photos, tmp_path, command
):
    said, files = [], []
    for jobs in (1, 2):
        output = tmp_path / f"jobs {jobs}"
        asked = [edge_checkpoint, "--output", output, "--suffix", ".onnx", "--jobs", jobs]
        status, shown, errors = command("convert.all", *asked, "--calibration", plain_photos)
        assert status == 1 and not errors
        assert "int8.onnx: its program was not made" in shown
        # Seconds differ, and with them the width of the table.
        plain = re.sub(r"\d+ s\b|\d+$|jobs \d", "N", shown, flags=re.MULTILINE)
        said.append(re.sub(r"[ ─]+", " ", plain))
        files.append({path.name: path.read_bytes() for path in output.iterdir()})
    assert said[0] == said[1]
    assert files[0] == files[1] and len(files[0]) == 2
