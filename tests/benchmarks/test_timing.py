from __future__ import annotations

import os
import threading
import time

import pytest

from benchmarks.shared.timing import Protocol, measure, pinned
from common.errors import InputError


def test_candidates_take_turns():
    order = []
    candidates = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    measure(candidates, repetitions=2, warm_up=1)
    assert order == ["a", "b"] * 3


def test_the_slower_candidate_is_slower():
    found, _ = measure(
        {"slow": lambda: time.sleep(0.02), "fast": lambda: None}, repetitions=3, warm_up=0
    )
    assert found["slow"].minimum >= 20
    assert found["slow"].minimum <= found["slow"].median <= found["slow"].p90
    assert found["fast"].median < found["slow"].median


def test_warm_up_is_not_timed():
    pauses = iter([0.05, 0, 0, 0])
    found, _ = measure({"first": lambda: time.sleep(next(pauses))}, repetitions=3, warm_up=1)
    assert found["first"].p90 < 50


@pytest.mark.parametrize(("repetitions", "warm_up"), [(0, 0), (1, -1)])
def test_senseless_counts_are_refused(repetitions, warm_up):
    with pytest.raises(InputError, match="at least"):
        measure({}, repetitions=repetitions, warm_up=warm_up)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot pin threads")
class TestPinning:
    def test_threads_started_inside_stay_on_the_cores(self):
        seen = []
        with pinned(1) as cores:
            thread = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
            thread.start()
            thread.join()
        assert seen == [set(cores)]
        assert len(cores) == 1

    def test_the_cores_are_given_back_after_an_error(self):
        before = os.sched_getaffinity(0)
        with pytest.raises(ZeroDivisionError), pinned(1):
            raise ZeroDivisionError
        assert os.sched_getaffinity(0) == before

    @pytest.mark.parametrize("threads", [0, 100_000])
    def test_impossible_numbers_of_threads_are_refused(self, threads):
        with pytest.raises(InputError), pinned(threads):
            pass


def test_waiting_is_told_from_running():
    _, waiting = measure({"wait": lambda: time.sleep(0.05)}, repetitions=2, warm_up=0)
    assert waiting < 0.5


def test_the_protocol_reads_as_a_sentence():
    text = Protocol(1, 25, 3, (1,), 1.0).describe()
    assert "1 thread pinned to core 1" in text
    assert "25 runs" in text
    assert "busy" not in text


def test_a_busy_machine_is_confessed():
    assert "ran 80% of the time: trust the minimum" in Protocol(1, 25, 3, (), 0.8).describe()


def test_times_of_a_machine_far_too_busy_are_called_useless():
    protocol = Protocol(1, 25, 3, (), 0.4)
    assert not protocol.usable and "ran 40% of the time" in protocol.describe()
    assert "measure again" in protocol.describe()
