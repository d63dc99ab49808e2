"""Jobs in other processes: done at once, lost without harm, ended with all they have begun."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from common.worker_pool import Lost, WorkerPool


def start(folder: Path) -> Callable[[str], tuple[int, str]]:
    """What the processes do: meet each other, end in odd ways, or answer."""
    names: list[str] = []

    def work(job: str) -> tuple[int, str]:
        names.append(job)
        kind, _, name = job.partition(" ")
        if kind == "meet":
            (folder / name).touch()
            end = time.monotonic() + 60
            while len(list(folder.iterdir())) < 2:
                assert time.monotonic() < end, "jobs are done one after the other"
                time.sleep(0.01)
        elif kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif kind == "leave":
            sys.exit(3)
        return os.getpid(), " ".join(names)

    return work


def test_two_jobs_are_done_at_once(tmp_path: Path) -> None:
    with WorkerPool[str, tuple[int, str]](start, tmp_path, 2) as pool:
        for name in ("meet a", "meet b"):
            assert pool.is_free
            pool.give(name)
        assert not pool.is_free
        found = dict(pool.wait() for _ in range(2))
    assert {name: said for name, (_, said) in found.items()} == {  # type: ignore[misc]
        "meet a": "meet a",
        "meet b": "meet b",
    }


def test_a_process_keeps_its_state_and_another_takes_the_place_of_a_lost_one(
    tmp_path: Path,
) -> None:
    with WorkerPool[str, tuple[int, str]](start, tmp_path, 1) as pool:
        found = []
        for job in ("one", "two", "kill", "three", "leave"):
            pool.give(job)
            found.append(pool.wait()[1])
    first, second, killed, third, left = found
    assert not isinstance(first, Lost) and not isinstance(second, Lost)
    assert first[0] == second[0] and second[1] == "one two"
    assert killed == Lost(-signal.SIGKILL) and "ended by the system (Killed)" in str(killed)
    assert not isinstance(third, Lost) and third[0] != first[0] and third[1] == "three"
    assert str(left) == "its process ended with status 3"


WORKING = """
    import subprocess, sys, time
    from pathlib import Path
    from common.files import replacing
    from common.cli import finish
    from common.worker_pool import WorkerPool

    def start(folder):
        def work(job):
            with replacing(folder / f"{job}.txt") as path:
                (folder / f"{job}.begun").touch()
                subprocess.run([sys.executable, "-c", "import time; time.sleep(60)", folder])
        return work

    def main():
        with WorkerPool(start, Path(sys.argv[1]), 2) as pool:
            pool.give("a")
            pool.give("b")
            pool.wait()

    if __name__ == "__main__":
        finish(main)
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "process"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_all_processes_and_leaves_nothing_half_written(
    whole_group: bool, number: int, status: int, tmp_path: Path
) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "work"
    script.write_text(textwrap.dedent(WORKING))
    folder.mkdir()
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while len(list(folder.glob("*.begun"))) < 2:
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.02)
        time.sleep(0.2)
        (os.killpg if whole_group else os.kill)(process.pid, number)
        # Its standard error is that of all that were started, and open until the last has ended.
        _, said = process.communicate(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == status
    assert said in ("interrupted\n", "terminated\n")
    assert sorted(it.name for it in folder.iterdir()) == ["a.begun", "b.begun"]
