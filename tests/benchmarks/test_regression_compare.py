"""The gate: what is worse than before, and the shipped files against their reference."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from result_heads import head

from benchmarks.regression.compare import judge, with_tolerances
from benchmarks.regression.counts import count
from benchmarks.regression.tolerances import figures_of
from benchmarks.results.accuracy_kinds import Accuracy
from benchmarks.results.reader import read_result, read_results
from benchmarks.results.speed_kinds import Cost, Counts, Instructions, Latency

ROOT = Path(__file__).resolve().parents[2]

COUNTS = {"net": {"parameters": 100, "bytes": 1000, "delegated": 0.9, "max_F": 0.8, "MAE": 0.1}}


def counted(cpu, counts):
    return {**head("counts", cpu=cpu), "protocol": "", "counts": counts}


@pytest.fixture
def run(command, tmp_path):
    """Compares two sets of counts, given as what differs in the new one."""

    def run(*arguments, old=None, new=None, **changes):
        figures = {key: it for key, it in {**COUNTS["net"], **changes}.items() if it is not None}
        old = old or counted("a", COUNTS)
        new = new or counted("b", {"net": figures})
        paths = [tmp_path / "old.json", tmp_path / "new.json"]
        for path, content in zip(paths, (old, new), strict=True):
            path.write_text(json.dumps(content), encoding="utf-8")
        return command("benchmarks.regression.compare", *paths, *arguments)

    return run


def test_the_same_passes(run):
    assert run() == (0, "0 worse or gone; 5 same\n", "")


@pytest.mark.parametrize(
    ("changes", "status", "verdict"),
    [
        ({"parameters": 99}, 0, "better"),
        ({"parameters": 101}, 1, "worse"),
        ({"bytes": 1010}, 0, "within"),
        ({"bytes": 1011}, 1, "worse"),
        ({"delegated": 0.89}, 1, "worse"),
        ({"delegated": 0.91}, 0, "better"),
        ({"max_F": 0.795}, 0, "within"),
        ({"max_F": 0.794}, 1, "worse"),
        ({"MAE": 0.1031}, 1, "worse"),
        ({"MAE": None}, 1, "gone"),
    ],
)
def test_what_a_change_means(run, changes, status, verdict):
    found, out, err = run(**changes)
    assert found == status
    (row,) = (line for line in out.splitlines() if line.startswith(" net"))
    assert row.split()[1] == next(iter(changes)) and row.split()[-1] == verdict
    assert ("regression: 1 of 5" in err) == bool(status)


def test_tolerances_can_be_given(run):
    assert run("--tolerance", "max_F=0.1", "bytes=50%", max_F=0.71, bytes=1500)[0] == 0
    assert run("--tolerance", "bytes=0", bytes=1001)[0] == 1
    assert with_tolerances(["bytes=2%"])["bytes"].allowed(500) == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [("maxF=1", "did you mean 'max_F'"), ("MAE=x", "FIGURE=NUMBER"), ("MAE=-1", "FIGURE=NUMBER")],
)
def test_wrong_tolerances(run, text, message):
    status, out, err = run("--tolerance", text)
    assert (status, out) == (2, "") and message in err


def latency(cpu, median):
    row = {"network": "x", "engine": "litert", "precision": "int8", "file": "x.tflite"}
    row |= {"label": "LiteRT int8", "size": 96, "threads": 1}
    row["latency_ms"] = {"median": median, "minimum": 0.9 * median}
    protocol = {"repetitions": 2, "warm_up": 1, "threads": [1], "text": ""}
    return {**head("latency", cpu=cpu), "protocol": protocol, "rows": [row]}


def test_times_are_compared_on_one_machine_alone(run):
    assert run(old=latency("a", 10), new=latency("a", 10.9))[0] == 0
    assert run(old=latency("a", 10), new=latency("a", 12))[0] == 1
    status, _, err = run(old=latency("a", 10), new=latency("b", 10))
    assert status == 2 and "of the same machine" in err


def test_files_of_different_commands_have_nothing_in_common(run):
    status, _, err = run(new=latency("a", 10))
    assert status == 2 and "no figure in common" in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"rows": 3}, "kind is None"),
        ({**head("counts"), "version": 99}, "version 99 of counts, expected"),
        ({**head("counts"), "protocol": "", "counts": {"a": 1}}, "counts['a']: '1' where"),
        ({**head("start")}, "missing"),
        (
            {**head("throughput"), "protocol": {}, "sizes": []},
            "holds no figure that can be compared",
        ),
    ],
)
def test_other_files_are_refused(run, content, message):
    status, out, err = run(new=content)
    assert (status, out) == (2, "") and "new.json" in err and message in err


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_unreadable_files_are_refused(command, tmp_path, text):
    path = tmp_path / "old.json"
    path.write_text(text)
    assert command("benchmarks.regression.compare", path, path)[0] == 2
    assert command("benchmarks.regression.compare", tmp_path / "none.json", path)[0] == 2


def test_figures_of_the_results_of_this_project():
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    comparable = (Accuracy, Counts, Cost, Instructions, Latency)
    for name, result in read_results().items():
        assert bool(figures_of(result)) == isinstance(result, comparable), name


def test_nothing_shipped_became_worse():
    """What continuous integration guards; it does not depend on the machine."""
    reference = ROOT / "results" / "counts.json"
    if not reference.is_file():
        pytest.skip("results/ is not part of this checkout")
    old = read_result(reference)
    now = dataclasses.replace(old, counts=count()["counts"])
    judged = judge(figures_of(old), figures_of(now))
    failed = [it for it in judged if it.verdict in ("worse", "gone")]
    assert not failed, "mend it, or if it was meant: make results ONLY=counts"
