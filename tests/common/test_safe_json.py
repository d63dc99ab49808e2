from __future__ import annotations

import json
import subprocess
import sys

import pytest

from common.safe_json import DEEPEST, parse_json


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[]" * 9 + "[" * 100_000])
def test_deep_nesting_is_refused_whatever_the_recursion_limit(text: str) -> None:
    code = (
        "import sys; from common.safe_json import parse_json; sys.setrecursionlimit(2**31 - 1)\n"
        "try: parse_json(sys.stdin.read())\n"
        "except ValueError as error: print(error)"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "") and "nested deeper" in ended.stdout


@pytest.mark.parametrize(
    "value",
    [
        None,
        "[" * 1000,
        'a "quoted" \\ [{ string' * 99,
        {"key [": [{}] * 999, '"': "\\"},
        json.loads("[" * DEEPEST + "]" * DEEPEST),
    ],
)
def test_what_is_not_nested_deeply_is_read(value: object) -> None:
    assert parse_json(json.dumps(value)) == parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expecting"),
        ("{", "Expecting"),
        ('"', "string"),
        (b"\xff", "decode"),
        ("]", "Expecting"),
    ],
)
def test_what_is_no_json_is_a_value_error(text: str | bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_json(text)


def test_tables_can_be_looked_at_as_they_are_read() -> None:
    seen: list[object] = []
    parse_json('{"a": {"b": 1}}', lambda table: seen.append(table) or table)
    assert seen[0] == {"b": 1}
