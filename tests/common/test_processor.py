"""The processor: what libraries find counts, not what the kernel lists of the machine."""

from __future__ import annotations

import pytest

from common import processor
from common.processor import FEATURES, confirmed, denied

CPUINFO = """processor\t: 0
model name\t: A CPU @ 2 GHz
flags\t\t: fpu avx avx2 avx_vnni avx512f avx512_vnni

processor\t: 1
model name\t: Another
"""


def test_what_is_listed_counts_where_nothing_was_asked():
    assert confirmed(["fpu", "avx2", "avx", "i8mm"], {}) == ("avx", "avx2", "i8mm")
    assert confirmed([], {}) == ()


def test_the_answer_counts_where_the_kernel_lists_nothing():
    assert confirmed([], {"asimd": True, "asimddp": True, "sve": False}) == ("asimd", "asimddp")


def test_what_was_not_asked_for_is_listed():
    answers = {"avx2": True, "avx512f": False, "avx512_vnni": False}
    assert confirmed(["avx2", "avx_vnni"], answers) == ("avx2", "avx_vnni")
    assert not denied(["avx2", "avx_vnni"], answers)


def test_a_list_of_another_processor_is_not_believed():
    listed = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni"]
    answers = {"avx2": True, "avx512f": False, "avx512_vnni": False}
    assert confirmed(listed, answers) == ("avx2",)
    assert denied(listed, answers) == ("avx512f", "avx512_vnni")


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO, encoding="utf-8")
    monkeypatch.setattr(processor, "CPUINFO", path)


def test_the_first_processor_is_read(cpuinfo, monkeypatch):
    monkeypatch.setattr(processor, "_asked", dict)
    assert processor.name() == "A CPU @ 2 GHz"
    assert processor.features() == ("avx", "avx2", "avx512f", "avx512_vnni", "avx_vnni")


def test_a_masked_processor_is_called_so(cpuinfo, monkeypatch):
    monkeypatch.setattr(processor, "_asked", lambda: {"avx512f": False, "avx2": True})
    assert processor.name() == "A CPU @ 2 GHz, features masked"
    assert processor.features() == ("avx2",)


def test_a_system_without_a_list_has_a_name_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "none")
    assert processor.name()
    assert set(processor.features()) <= set(FEATURES)


def test_numpy_is_asked_by_its_own_names():
    assert processor.NUMPY_NAMES.keys() <= set(FEATURES)
    assert {*processor.VNNI, *processor.DOT_PRODUCTS} <= set(FEATURES)
    # At the versions that are pinned NumPy answers; on others the kernel's list stands alone.
    assert processor._asked()
