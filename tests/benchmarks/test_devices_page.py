"""The blocks of docs/devices.md."""

from __future__ import annotations

from benchmarks.docs import devices_page

AGREEMENT = {"max": 1, "mean": 0.25, "within_1": 1.0, "decided": 1.0}

START = {
    "model": "x_96_int8.tflite",
    "repetitions": 20,
    "seconds": {"median": 0.5, "minimum": 0.4, "maximum": 0.75},
    "running": 0.99,
    "modules": 267,
    "import_seconds": 0.125,
    "packages": {"numpy": 0.1},
}


def test_a_start_on_a_busy_machine_says_so(made):
    quiet = devices_page.start(made("start", **START))
    assert "0.50 s in the median of 20 new processes, 0.40 to 0.75 s" in quiet
    assert "Other work" not in quiet
    busy = devices_page.start(made("start", **{**START, "running": 0.6}))
    assert busy == f"{quiet} Other work ran beside them: they had a core 60% of the time."


def test_a_board_is_shown_as_it_was_seen(made):
    seen = {"lines": ["Raspberry Pi 3", "$ python -m x"], "frames": 3, "agreement": AGREEMENT}
    found = devices_page.board(made("board", model=START["model"], **seen))
    start = "```\nRaspberry Pi 3\n$ python -m x\n```\n\n`x_96_int8.tflite`, 3 frames, "
    assert found.startswith(start)
    assert found.endswith("at most 1 of 255 away, 0.250 on average, 100.00% of pixels within 1.")


def test_a_phone_has_a_row_a_photo(made):
    photos = [{"photo": "cat.png", "latency_ms": None, "agreement": AGREEMENT}]
    found = devices_page.android(made("android", model="x", lines=["$ x"], photos=photos))
    assert found.splitlines()[0] == "```"
    assert found.splitlines()[-1] == "| cat.png | 1 | 0.250 | 100.00% |"
