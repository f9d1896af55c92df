"""Figures over folds: their standard error, and the groups that their answers carry."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import sem

from headstart.data.split import Split
from headstart.evaluate.metrics import measure
from headstart.evaluate.predictions import Predictions
from headstart.heads.linear import LinearHead
from headstart.heads.solver import objective
from headstart.progress import Quiet
from headstart.recipes.folds import FoldResult, cross_validate, out_of_folds, take


class Rows:
    """What folds need of a data set."""

    def __init__(self, targets: np.ndarray) -> None:
        self.targets, self.classes, self.groups = targets, tuple("abcd"), None
        self.labels = tuple("abcd"[target] for target in targets)
        self.table = SimpleNamespace(ids=tuple(str(row) for row in range(len(targets))))

    def __len__(self) -> int:
        return len(self.targets)

    def groups_of(self, rows: np.ndarray) -> np.ndarray:
        return rows


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


@pytest.mark.parametrize("chosen", [None, 0.125])  # by the model, before the folds
@pytest.mark.parametrize("many", [False, True])
def test_of_long_fits_the_model_or_the_first_fold_alone_chooses_c(
    many: bool, chosen: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    targets = np.repeat(np.arange(4), 10)
    values = rng.normal(size=(40, 6)) + targets[:, None]
    parts = [np.arange(start, 40, 5) for start in range(5)]
    folds = [Split(np.setdiff1d(np.arange(40), part), part) for part in parts]
    data: Any = Rows(targets)
    features: Any = SimpleNamespace(values=values, views=np.empty((40, 0, 6)))
    if many:
        monkeypatch.setattr(objective, "LONG", 1)
        monkeypatch.setattr(objective, "MANY_CLASSES", 4)
    made: list[LinearHead] = []

    def make() -> LinearHead:
        made.append(LinearHead())
        return made[-1]

    told: list[str] = []
    monkeypatch.setattr(Quiet, "note", lambda _, line: told.append(line))
    model: Any = None if chosen is None else SimpleNamespace(C=chosen)
    answers = out_of_folds(data, features, folds, make, model=model)
    words = "the folds take the C that the model chose"
    if chosen is None:
        words = "the first fold alone chooses C for the others"
    assert told == ([f"4 classes: {words}"] if many else [])
    fitted = [head for head in made if hasattr(head, "C_")]
    assert np.isfinite(answers).all()
    assert len(fitted) == 5
    shared = [None, *4 * [fitted[0].C_]] if chosen is None else 5 * [chosen]
    assert [head.C for head in fitted] == (shared if many else 5 * [None])
    alone = LinearHead(C=fitted[3].C).fit(values[folds[3].train], targets[folds[3].train])
    np.testing.assert_allclose(
        answers[folds[3].test], alone.predict_proba(values[folds[3].test]), atol=1e-6
    )
    result = cross_validate(data, features, folds, LinearHead, model=model)
    assert result.strength_note == (f"4 classes: {words}" if many else "")
    assert result.to_json()["strength_note"] == (result.strength_note or None)
