"""The gate: what is worse than before, and the shipped files against their reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.regression.compare import judge, with_tolerances
from benchmarks.regression.tolerances import figures_of

ROOT = Path(__file__).resolve().parents[2]

COUNTS = {"net": {"parameters": 100, "bytes": 1000, "delegated": 0.9, "max_F": 0.8, "MAE": 0.1}}


@pytest.fixture
def run(command, tmp_path):
    """Compares two sets of counts, given as what differs in the new one."""

    def run(*arguments, old=None, new=None, **changes):
        old = old or {"counts": COUNTS, "environment": {"cpu": "a"}}
        new = new or {"counts": {"net": {**COUNTS["net"], **changes}}, "environment": {"cpu": "b"}}
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


def latency(cpu, median, failure=""):
    row = {"file": "x.tflite", "label": "LiteRT int8", "size": 96, "threads": 1}
    times = {} if failure else {"latency_ms": {"median": median, "minimum": 0.9 * median}}
    return {"rows": [{**row, "failure": failure, **times}], "environment": {"cpu": cpu}}


def test_times_are_compared_on_one_machine_alone(run):
    assert run(old=latency("a", 10), new=latency("a", 10.9))[0] == 0
    assert run(old=latency("a", 10), new=latency("a", 12))[0] == 1
    status, _, err = run(old=latency("a", 10), new=latency("b", 10))
    assert status == 2 and "of the same machine" in err


def test_files_of_different_commands_have_nothing_in_common(run):
    status, _, err = run(new=latency("a", 10))
    assert status == 2 and "no figure in common" in err


@pytest.mark.parametrize(
    "content", [{}, {"rows": 3}, {"counts": {"a": 1}}, {"latency_ms": {"a": 1}}]
)
def test_other_files_are_refused(run, content):
    status, out, err = run(new={**content, "environment": {}})
    assert (status, out) == (2, "") and "new.json" in err


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_unreadable_files_are_refused(command, tmp_path, text):
    path = tmp_path / "old.json"
    path.write_text(text)
    assert command("benchmarks.regression.compare", path, path)[0] == 2
    assert command("benchmarks.regression.compare", tmp_path / "none.json", path)[0] == 2


def test_figures_of_the_results_of_this_project():
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    for name in ("counts", "demo", "latency_336", "memory_336", "cost", "instructions_336"):
        text = (ROOT / "results" / f"{name}.json").read_text(encoding="utf-8")
        assert len(figures_of(json.loads(text), name)) >= 4, name
    for path in (ROOT / "results").glob("ecssd_*.json"):
        assert len(figures_of(json.loads(path.read_text(encoding="utf-8")), path.name)) == 5


def test_nothing_shipped_became_worse():
    """What continuous integration guards; it does not depend on the machine."""
    from benchmarks.regression.counts import count

    reference = ROOT / "results" / "counts.json"
    if not reference.is_file():
        pytest.skip("results/ is not part of this checkout")
    old = figures_of(json.loads(reference.read_text(encoding="utf-8")), reference.name)
    judged = judge(old, figures_of(count(), "now"))
    failed = [it for it in judged if it.verdict in ("worse", "gone")]
    assert not failed, (
        "mend it, or if it was meant: benchmarks.regression.counts --json results/counts.json"
    )
