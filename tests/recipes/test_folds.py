"""Figures over folds: their standard error, and the groups that their answers carry."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import sem

from headstart.data.split import Split
from headstart.evaluate.metrics import measure
from headstart.evaluate.predictions import Predictions
from headstart.recipes.folds import FoldResult, take


def whole(groups: np.ndarray | None = None) -> Predictions:
    rng = np.random.default_rng(0)
    second = rng.random(100)
    truth = tuple("ab"[int(p > rng.random() / 2 + 0.25)] for p in second)
    shares = np.stack((1 - second, second), axis=1)
    names = tuple(str(row) for row in range(100))
    return Predictions(names, ("a", "b"), shares, truth, ("",) * 100, groups)


def by_folds(predictions: Predictions, count: int) -> FoldResult:
    parts = np.array_split(np.arange(100), count)
    splits = tuple(Split(np.setdiff1d(np.arange(100), part), part) for part in parts)
    return FoldResult(
        tuple(measure(take(predictions, part)) for part in parts), splits, predictions
    )


def test_the_standard_error_is_the_corrected_one_and_named() -> None:
    result = by_folds(whole(), 10)
    plain = result.to_json()
    assert result.mean_rows == (90, 10)
    assert plain["standard_error"].startswith("corrected ")
    assert "Nadeau and Bengio 2003" in plain["standard_error"]
    for name in ("accuracy", "log_loss"):
        values = [getattr(metrics, name) for metrics in result.metrics]
        right = sem(values) * math.sqrt(1 + 10 / 9)
        assert math.isclose(plain[f"{name}_standard_error"], right)
        assert math.isclose(plain[f"{name}_mean"], float(np.mean(values)))


def test_rows_that_are_taken_keep_their_groups() -> None:
    groups = np.arange(100) // 4
    some = take(whole(groups), np.array([5, 3, 4]))
    assert some.groups is not None
    assert some.groups.tolist() == [1, 0, 1]
    assert take(whole(), np.array([5, 3])).groups is None
    assert by_folds(whole(groups), 5).to_json()["pooled"]["groups"] == 25
