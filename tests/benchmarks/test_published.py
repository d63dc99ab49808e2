from __future__ import annotations

import csv

import pytest

from benchmarks.results.published import choose_published, read_published
from common.errors import InputError
from samnet.data.published import LAYOUTS


def test_the_29_methods_on_six_data_sets():
    methods = read_published()
    assert len(methods) == 29
    assert all(set(method.scores) <= set(LAYOUTS) for method in methods)
    assert {len(method.scores) for method in methods} == {6}
    (samnet,) = choose_published(["samnet"])
    assert (samnet.params_M, samnet.gflops, samnet.gpu_fps) == (1.33, 0.5, 343.2)
    assert (samnet.scores["ECSSD"].max_F, samnet.scores["ECSSD"].MAE) == (0.925, 0.053)


def test_a_dash_of_the_tables_is_none():
    (method,) = choose_published(["DHSNet"])
    assert method.scores["DUT-OMRON"].max_F is None
    assert method.mean_max_F is None
    (drfi,) = choose_published(["DRFI"])
    assert drfi.params_M is None
    assert drfi.mean_max_F == pytest.approx(0.7043, abs=1e-4)


def test_names_in_any_case_all_and_none():
    assert [m.name for m in choose_published(["SAMNET", "egnet"])] == ["EGNet", "SAMNet"]
    assert len(choose_published(["all"])) == 29
    assert choose_published(["none"]) == ()


def test_an_unknown_name():
    with pytest.raises(InputError, match="did you mean 'PoolNet'"):
        choose_published(["poolnett"])
    with pytest.raises(InputError, match="did you mean 'BiSeNet R18'"):
        choose_published(["BiSeNetR18"])
    with pytest.raises(InputError, match="use one of DRFI, DCL"):
        choose_published(["xxxxxxxx"])


@pytest.mark.shared
def test_the_figures_are_those_beside_the_paper(shared):
    with (shared / "paper" / "published.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    methods = {method.name: method for method in read_published()}
    assert len(rows) == sum(len(method.scores) for method in methods.values())
    for row in rows:
        method = methods[row["method"]]
        for key in ("params_M", "gpu_memory_MB", "gflops", "gpu_fps"):
            assert getattr(method, key) == (float(row[key]) if row[key] else None)
        for key in ("max_F", "MAE", "weighted_F", "S"):
            expected = float(row[key]) if row[key] else None
            assert getattr(method.scores[row["dataset"]], key) == expected
