from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from common.errors import InputError
from samnet.data.synthetic import scene
from samnet.evaluation.metrics import (
    HEADLINES,
    METRICS,
    RECORDS,
    SLOW_RECORDS,
    SaliencyMetrics,
    Scores,
)


def metrics_of(pairs, choice="all"):
    metrics = SaliencyMetrics(choice)
    for saliency_map, mask in pairs:
        metrics.add(saliency_map, mask)
    return metrics.scores()


@pytest.fixture(scope="module")
def pairs():
    """Maps of the whole range that are right in part, with their masks."""
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        mask = scene(seed, (48, 64))[1]
        saliency_map = np.clip(0.6 * mask + rng.integers(0, 130, mask.shape), 0, 255).astype(
            np.uint8
        )
        saliency_map[0, :2] = 0, 255
        found.append((saliency_map, mask))
    return found


def curves(pairs):
    """Precision and recall at every threshold, by definition."""
    precision, recall = np.zeros((len(pairs), 256)), np.zeros((len(pairs), 256))
    for index, (saliency_map, mask) in enumerate(pairs):
        truth = mask > 128
        for threshold in range(256):
            chosen = saliency_map >= threshold
            hits = (chosen & truth).sum()
            precision[index, threshold] = hits / chosen.sum() if chosen.any() else 0
            recall[index, threshold] = hits / truth.sum()
    return precision, recall


def f(precision, recall):
    return 1.3 * precision * recall / np.maximum(0.3 * precision + recall, 1e-12)


def test_max_f_averages_precision_and_recall_first(pairs):
    scores = metrics_of(pairs)
    precision, recall = curves(pairs)
    np.testing.assert_allclose(scores.precision, precision.mean(0))
    np.testing.assert_allclose(scores.recall, recall.mean(0))
    assert scores.max_F == pytest.approx(f(precision.mean(0), recall.mean(0)).max())
    assert scores.max_F_per_image == pytest.approx(f(precision, recall).mean(0).max())


def test_the_two_averages_differ_as_worked_out_by_hand():
    mask = np.zeros((10, 10), np.uint8)
    mask[:5] = 255
    everything = np.full_like(mask, 255)
    nothing = np.zeros_like(mask)
    scores = metrics_of([(mask, mask), (everything, mask), (nothing, mask)])
    # Above threshold 0: precision (1 + 0.5 + 0) / 3, recall (1 + 1 + 0) / 3.
    paper = 1.3 * 0.5 * (2 / 3) / (0.3 * 0.5 + 2 / 3)
    per_image = (1 + 1.3 * 0.5 / (0.15 + 1) + 0) / 3
    at_zero = 1.3 * 0.5 / (0.15 + 1)
    assert scores.max_F == pytest.approx(max(paper, at_zero))
    assert scores.max_F_per_image == pytest.approx(max(per_image, at_zero))
    assert scores.precision[1] == pytest.approx(0.5)
    assert scores.recall[255] == pytest.approx(2 / 3)


def test_agrees_with_pysodmetrics_per_image(pairs):
    import py_sod_metrics as library

    theirs = {
        "wfm": library.WeightedFmeasure(),
        "sm": library.Smeasure(),
        "mae": library.MAE(),
        "em": library.Emeasure(),
    }
    with pytest.warns(UserWarning, match="FmeasureV2"):
        theirs["fm"] = library.Fmeasure()
    for saliency_map, mask in pairs:
        for metric in theirs.values():
            metric.step(saliency_map, mask)
    found = {key: metric.get_results()[key] for key, metric in theirs.items()}
    scores = metrics_of(pairs)
    assert scores.max_F_per_image == pytest.approx(found["fm"]["curve"].max())
    np.testing.assert_allclose(scores.MAE, found["mae"])
    assert scores.weighted_F == pytest.approx(found["wfm"])
    np.testing.assert_allclose(scores.S, found["sm"])
    assert scores.E_max == pytest.approx(found["em"]["curve"].max())
    assert scores.E_mean == pytest.approx(found["em"]["curve"].mean())
    assert scores.E_adaptive == pytest.approx(found["em"]["adp"])


def test_a_perfect_map_has_perfect_scores(pairs):
    scores = metrics_of([(mask, mask) for _, mask in pairs])
    assert scores.MAE == 0
    assert scores.count == 4
    for name in ("max_F", "max_F_per_image", "weighted_F", "S", "E_max"):
        assert getattr(scores, name) == pytest.approx(1, abs=1e-3), name


def test_foreground_is_above_128():
    mask = np.full((8, 8), 128, np.uint8)
    mask[:4] = 129
    perfect = np.where(mask > 128, 255, 0).astype(np.uint8)
    assert metrics_of([(perfect, mask)], "fast").MAE == 0


def test_maps_are_not_stretched():
    mask = np.zeros((8, 8), np.uint8)
    mask[:4] = 255
    np.testing.assert_allclose(metrics_of([(mask // 5, mask)], "fast").MAE, 0.4)


def test_fast_leaves_out_the_slow_metrics_alone(pairs):
    fast, everything = metrics_of(pairs, "fast"), metrics_of(pairs)
    assert (fast.max_F, fast.MAE) == (everything.max_F, everything.MAE)
    assert (fast.weighted_F, fast.S, fast.E_max) == (None, None, None)


@pytest.mark.parametrize("value", [0, 255])
def test_flat_maps_and_masks_have_scores(value):
    flat = np.full((16, 16), value, np.uint8)
    for mask in (np.zeros_like(flat), np.full_like(flat, 255), scene(0, 16)[1]):
        scores = metrics_of([(flat, mask)])
        assert np.isfinite(
            [scores.max_F, scores.MAE, scores.weighted_F, scores.S, scores.E_max]
        ).all()


def test_the_dictionary_is_plain_json(pairs):
    values = json.loads(json.dumps(metrics_of(pairs).to_dict()))
    assert values["count"] == 4
    assert len(values["precision"]) == len(values["recall"]) == 256


def test_refuses_what_cannot_be_compared(pairs):
    saliency_map, mask = pairs[0]
    metrics = SaliencyMetrics()
    with pytest.raises(InputError, match=r"\(24, 64\).*\(48, 64\)"):
        metrics.add(saliency_map[:24], mask)
    with pytest.raises(InputError, match="float64"):
        metrics.add(saliency_map / 255, mask)
    with pytest.raises(InputError, match="no map"):
        metrics.scores()


def test_a_metric_is_declared_once():
    """Rows of results, tables, bootstrap and tolerances follow the fields of ``Scores``."""
    from benchmarks.regression.tolerances import KINDS
    from samnet.evaluation.score_row import ScoreRow

    assert METRICS.keys() == {field.name for field in dataclasses.fields(Scores)} - {
        "count",
        "precision",
        "recall",
    }
    assert METRICS.keys() <= {field.name for field in dataclasses.fields(ScoreRow)}
    assert HEADLINES.keys() <= KINDS.keys()
    assert {name for metric in METRICS.values() for name in metric.of} == RECORDS.keys()
    fast = SaliencyMetrics("fast").records.keys()
    assert fast | set(SLOW_RECORDS) == RECORDS.keys() == SaliencyMetrics().records.keys()
    assert all(metric.slow == (not fast >= set(metric.of)) for metric in METRICS.values())
