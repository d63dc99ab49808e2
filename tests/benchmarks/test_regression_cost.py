"""Counts of every network, and what the paper says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.regression.cost import SEGMENTATION_SIZE, cost, published, table
from benchmarks.results.reader import read_result
from samnet.networks.registry import CONFIGS

RESULT = Path(__file__).resolve().parents[2] / "results" / "cost.json"


def test_the_papers_counts_are_those_of_the_tables():
    assert published("samnet").parameters_M == 1.33
    assert published("bisenet_r18").gflops == 25.0
    assert published("bisenet_r18").size == SEGMENTATION_SIZE
    absent = [name for name in CONFIGS if published(name) is None]
    assert absent == ["samnet-edge", "samnet-lite"]


def test_a_network_that_is_not_in_the_paper_has_dashes():
    lines = table([cost("samnet"), cost("samnet-edge")]).splitlines()
    assert lines[1].split()[2] == "1.33"
    assert lines[2].split()[2] == "-"


def test_the_result_file_is_of_the_networks_as_they_are():
    if not RESULT.is_file():
        pytest.skip("results/ is not part of this checkout")
    kept = {it.name: it for it in read_result(RESULT).networks}
    assert list(kept) == list(CONFIGS)
    # The baselines' counts are held by the tests of their package.
    for name in ("samnet", "samnet-edge", "samnet-lite"):
        assert kept[name] == cost(name)
