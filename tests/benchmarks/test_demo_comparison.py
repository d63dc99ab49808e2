from __future__ import annotations

import json

import numpy as np

from benchmarks.demo.comparison import agreement, table


def test_a_perfect_network_scores_perfectly(comparison):
    reference = comparison.rows[0]
    assert reference.max_f == 1
    assert reference.mae == 0
    assert reference.agreement is None


def test_agreement_is_with_the_first_candidate(comparison):
    _, same, wrong = comparison.rows
    assert same.agreement.mean == 0
    assert wrong.agreement.mean == 3
    assert wrong.agreement.worst == 3
    assert wrong.agreement.decided == 1


def test_every_photo_weighs_the_same():
    black, white = np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    found = agreement([white, np.zeros((40, 40), np.uint8)], [black, np.zeros((40, 40), np.uint8)])
    assert found.mean == 127.5
    assert found.worst == 255
    assert found.decided == 0.5


def test_byte_differences_do_not_wrap_around():
    assert agreement([np.uint8([[0]])], [np.uint8([[255]])]).mean == 255


def test_rows_become_plain_json(comparison):
    values = json.loads(json.dumps([row.to_dict() for row in comparison.rows]))
    assert values[0]["agreement"] is None
    assert values[2]["latency_ms"]["median"] == 8
    assert values[2]["format"] == ".tflite"


def test_the_table_has_a_line_a_row(comparison):
    lines = table(comparison.rows).splitlines()
    assert len(lines) == 1 + len(comparison.rows) + 1
    assert lines[3].startswith("LiteRT int8")
    assert "8.0 (7.0)" in lines[3]
    assert len({len(line) for line in lines[2:4]}) == 1
