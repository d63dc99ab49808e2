"""Every result: what its file says, and the command that makes it anew."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import sys
from pathlib import Path

import pytest
from result_heads import head

from benchmarks.results import command as results_command
from benchmarks.results import renew as renewing
from benchmarks.results.needs import NEEDS
from benchmarks.results.reader import SCHEMAS, read_results
from benchmarks.results.suite import SUITE, Entry, Step, chosen, expanded, files_of
from common.errors import InputError
from common.result_file import KINDS

ROOT = Path(__file__).resolve().parents[2]
BY_NAME = {entry.name: entry for entry in SUITE}
COMMANDS = [(entry.name, entry.words()) for entry in SUITE]
COMMANDS += [(step.makes, expanded(step.command)) for entry in SUITE for step in entry.steps]
COUNTS = {**head("counts"), "protocol": "", "counts": {"net": {"parameters": 1}}}


def parse(words: list[str]) -> None:
    """Parses a command by its own parser; an option that it has not raises."""
    module, *arguments = words
    if module == "pytest":
        assert (ROOT / arguments[0]).is_file()
        return
    found = importlib.import_module(module)
    if hasattr(found, "__path__"):
        name = "command" if importlib.util.find_spec(f"{module}.command") else "__main__"
        found = importlib.import_module(f"{module}.{name}")
    command = found.COMMAND
    parser = command.parser()
    parser.parse_intermixed_args(arguments)


def test_every_kind_has_a_dataclass():
    assert SCHEMAS.keys() == KINDS.keys()


def test_every_file_is_in_the_suite_and_decodes():
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    for name, result in read_results().items():
        assert BY_NAME[name].kind == result.kind, name
        assert result.command.startswith("python -m "), name


def test_names_and_needs_are_known():
    assert len(BY_NAME) == len(SUITE)
    for entry in SUITE:
        assert entry.kind in KINDS and set(entry.needs) <= NEEDS.keys() and entry.minutes > 0
        assert all(files_of(word) for word in entry.of.split())


@pytest.mark.parametrize("words", dict(COMMANDS).values(), ids=dict(COMMANDS).keys())
def test_every_command_is_understood_by_its_parser(words, monkeypatch):
    monkeypatch.chdir(ROOT)
    parse(words)


def test_commands_of_files_are_understood_by_their_parsers():
    if not (ROOT / "results").is_dir():
        pytest.skip("results/ is not part of this checkout")
    for result in read_results().values():
        for line in result.command.splitlines():
            parse(shlex.split(line)[2:])


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A repository with an empty folder of results, and entries whose commands are scripts."""
    monkeypatch.setattr(renewing, "ROOT", tmp_path)
    monkeypatch.setattr(renewing, "path_of", lambda it: tmp_path / "results" / f"{it.name}.json")
    (tmp_path / "results").mkdir()

    def entry(name, script, kind="counts", **more):
        module = f"made_{name}"
        (tmp_path / f"{module}.py").write_text(f"import json, sys, pathlib\n{script}\n")
        return Entry(name, kind, module, 1, **more)

    entry.folder = tmp_path
    return entry


WRITE = f"""
path = pathlib.Path(sys.argv[sys.argv.index("--json") + 1])
values = json.loads({json.dumps(json.dumps(COUNTS))})
values["command"] = "python -m x --json " + str(path)
path.write_text(json.dumps(values))
"""


def test_a_result_comes_into_place_with_its_command(bench):
    it = bench("good", WRITE)
    assert renewing.state_of(it) == "not measured"
    assert renewing.renew(it).state == "renewed"
    found = json.loads((bench.folder / "results/good.json").read_text())
    assert found["command"] == "python -m x --json results/good.json"
    assert renewing.state_of(it) == "current"
    assert renewing.date_of(it) == "2026-01-02 03:04"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("sys.exit('error: no such luck')", "made_odd: no such luck"),
        (WRITE + "sys.exit(3)", "status 3"),
        (WRITE.replace("counts", "cost"), "not as its command writes it"),
        ("", "cannot be read"),
    ],
)
def test_a_failure_leaves_the_earlier_result(bench, script, why):
    earlier = bench.folder / "results/odd.json"
    earlier.write_text(json.dumps(COUNTS))
    outcome = renewing.renew(bench("odd", script))
    assert outcome.state == "failed" and why in outcome.why
    assert json.loads(earlier.read_text()) == COUNTS


def test_a_result_of_another_kind_is_refused(bench):
    outcome = renewing.renew(bench("odd", WRITE, kind="cost"))
    assert outcome.state == "failed" and "is of kind counts, expected cost" in outcome.why


def test_what_a_measurement_needs_is_made_once(bench):
    (bench.folder / "helper.py").write_text(
        "open('made.txt', 'w').write('x'); open('log', 'a').write('x')"
    )
    it = bench("good", WRITE, steps=(Step("made.txt", "helper"),))
    assert [renewing.renew(it).state for _ in range(2)] == ["renewed"] * 2
    assert (bench.folder / "log").read_text() == "x"
    (bench.folder / "read.txt").touch()
    os.utime(bench.folder / "made.txt", (1, 1))
    renewing.renew(bench("good", WRITE, steps=(Step("made.txt", "helper read.txt"),)))
    assert (bench.folder / "log").read_text() == "xx"


def test_what_is_missing_is_said(bench, monkeypatch):
    monkeypatch.setitem(NEEDS, "ECSSD", lambda: "no such folder")
    monkeypatch.setitem(NEEDS, "quiet machine", lambda: "load 9")
    outcome = renewing.renew(bench("a", WRITE, needs=("ECSSD",)))
    assert (outcome.state, outcome.why) == ("skipped", "needs ECSSD: no such folder")
    timed = bench("b", WRITE, needs=("quiet machine",))
    assert renewing.renew(timed).why == "needs quiet machine: load 9"
    assert renewing.renew(timed, busy=True).state == "renewed"


def test_a_failure_does_not_stop_the_others(bench, command, monkeypatch):
    entries = [bench("bad", "sys.exit('error: broken')"), bench("good", WRITE)]
    monkeypatch.setattr(results_command, "chosen", lambda _: entries)
    monkeypatch.setattr(sys, "path", [*sys.path])
    status, out, err = command("benchmarks.results.command")
    assert status == 1
    assert "[2/2] good" in out and "1 renewed, 1 failed" in out and "bad: failed" in out
    assert err == "not renewed: bad\n"


def test_results_are_chosen_by_name_or_kind():
    assert {it.kind for it in chosen(["latency"])} == {"latency"}
    assert [it.name for it in chosen(["counts", "latency_int8"])] == ["counts", "latency_int8"]
    assert chosen([]) == list(SUITE)
    with pytest.raises(InputError, match="did you mean 'latency'"):
        chosen(["latncy"])


def test_the_table_shows_every_result(command):
    status, out, _ = command("benchmarks.results.command", "--list", "--only", "counts,cost")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["result", "counts", "cost"]
