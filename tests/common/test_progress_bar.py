from __future__ import annotations

import sys

from common import progress_bar as module
from common.progress_bar import progress


def test_passes_items_on_without_a_word_when_it_is_quick(capsys):
    assert list(progress(iter("abc"), 3, "letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_plain_lines_when_not_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(module, "LINE_EVERY", 0)
    assert list(progress(range(3), 3, "numbers")) == [0, 1, 2]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("numbers: 1/3, 00:00 spent")
    assert lines[-1].startswith("numbers: 3/3")


def test_an_unknown_total(capsys, monkeypatch):
    monkeypatch.setattr(module, "LINE_EVERY", 0)
    assert list(progress(iter("ab"), None, "letters")) == ["a", "b"]
    assert "letters: 1 in 00:00" in capsys.readouterr().err


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress(range(3), 3, "numbers")) == [0, 1, 2]
    assert "numbers" in capsys.readouterr().err
