"""Mistyped names lead to the nearest one, or to all that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from common.suggestions import nearest, suggestion

NAMES = ("samnet", "samnet-lite", "U2Net")
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("samnett", "samnet"), ("samnet_lite", "samnet-lite"), ("u2nett", "U2Net"), ("xyz", None)],
)
def test_the_nearest_name_in_any_case(name: str, expected: str | None) -> None:
    assert nearest(name, NAMES) == expected


def test_a_question_or_all_names() -> None:
    assert suggestion("SAMNET", NAMES) == "did you mean 'samnet'?"
    assert suggestion("xyz", NAMES) == "use one of samnet, samnet-lite, U2Net"
    assert suggestion("xyz", NAMES, otherwise="no such name") == "no such name"
    assert suggestion("tflit", ["tflite"], group="convert ") == "did you mean 'convert tflite'?"
    assert suggestion("xyz", NAMES, cutoff=0).startswith("did you mean ")
    assert suggestion("xyz", iter(())) == "there is none"


def test_names_are_suggested_in_one_place() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for room in ("benchmarks", "common", "convert", "edge_apps", "quantize", "samnet", "tools")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"get_close_matches|did you mean", path.read_text(encoding="utf-8"))
    ]
    assert found == ["common/suggestions.py"]
