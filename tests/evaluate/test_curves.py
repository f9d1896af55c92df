from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    roc_auc_score,
)
from sklearn.metrics import (
    precision_recall_curve as sklearn_precision_recall,
)
from sklearn.metrics import (
    roc_curve as sklearn_roc,
)

from headstart.evaluate.curves import class_curves, precision_recall_curve, rank_auc, roc_curve
from headstart.evaluate.predictions import Predictions


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random(60) < 0.3, rng.integers(0, 12, 60) / 12  # many ties


def test_auc_counts_ties_half() -> None:
    positive = np.array([True, False, True, False])
    assert rank_auc(positive, np.array([0.9, 0.1, 0.5, 0.5])) == 0.875  # 3.5 of 4 pairs
    assert rank_auc(positive, np.full(4, 0.5)) == 0.5


def test_auc_is_undefined_with_one_class() -> None:
    for positive in (np.ones(3, dtype=bool), np.zeros(3, dtype=bool), np.zeros(0, dtype=bool)):
        score = np.linspace(0, 1, len(positive))
        assert rank_auc(positive, score) is None
        assert roc_curve(positive, score) is None
    assert precision_recall_curve(np.zeros(3, dtype=bool), np.linspace(0, 1, 3)) is None


@pytest.mark.parametrize("seed", range(5))
def test_curves_are_sklearns(seed: int) -> None:
    positive, score = drawn(seed)
    roc = roc_curve(positive, score)
    assert roc is not None
    false_rate, true_rate, threshold = sklearn_roc(positive, score, drop_intermediate=False)
    np.testing.assert_allclose(roc.false_positive_rate, false_rate)
    np.testing.assert_allclose(roc.true_positive_rate, true_rate)
    np.testing.assert_array_equal(roc.threshold, threshold)
    assert roc.auc == pytest.approx(roc_auc_score(positive, score))
    assert roc.auc == pytest.approx(rank_auc(positive, score))

    points = precision_recall_curve(positive, score)
    assert points is not None
    precision, recall, threshold = sklearn_precision_recall(positive, score)
    np.testing.assert_allclose(points.precision, precision[:-1][::-1])
    np.testing.assert_allclose(points.recall, recall[:-1][::-1])
    np.testing.assert_array_equal(points.threshold, threshold[::-1])
    assert points.average_precision == pytest.approx(average_precision_score(positive, score))
    assert points.base_rate == pytest.approx(positive.mean())


def test_curves_of_a_class_use_its_column_and_the_scorable_rows() -> None:
    share = np.array([0.9, 0.2, 0.6, np.nan, 0.99])
    predictions = Predictions(
        tuple("12345"),
        ("a", "b"),
        np.stack([1 - share, share], axis=1),
        ("b", "a", "b", "b", "other"),
        ("", "", "", "broken", ""),
    )
    roc, points = class_curves(predictions, "b")
    assert roc is not None
    assert points is not None
    assert roc.threshold.tolist() == [np.inf, 0.9, 0.6, 0.2]
    assert roc.auc == 1.0
    assert points.average_precision == 1.0
    with pytest.raises(ValueError, match="'c' is not one of the classes"):
        class_curves(predictions, "c")
