"""How well one kind of knowledge gives the label, on rows that the model has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.audit.shortcut_inputs import Evidence
from headstart.data.split import Split
from headstart.evaluate.intervals import Interval, wilson

LINEAR = ("border", "thumbnail")  # many columns of one sort; the others are for a tree
PENALTY = 0.01  # C of the linear model
# Folds share training rows, so their answers go together: with shuffled labels a tree's accuracy
# varies up to 1.6 times as much as that of independent answers (docs/shortcuts.md). The test
# allows for twice the variance, by counting half the rows.
DISPERSION = 2.0


@dataclass(frozen=True)
class Trial:
    """Out-of-fold answers against always answering the most frequent class.

    Attributes:
        rows: rows that were answered, m.
        right: share of right answers.
        interval: its 95% Wilson interval.
        largest: share of the most frequent class among these rows.
        p_value: of being no better than that class; not corrected for several kinds.
    """

    rows: int
    right: float
    interval: Interval
    largest: float
    p_value: float


def try_evidence(
    item: Evidence, targets: IntArray, folds: Sequence[Split], groups: IntArray, seed: int
) -> Trial:
    """The better of the small models of `try_models`, with its p value times their number."""
    trials = try_models(item, targets, folds, groups, seed)
    best = min(trials, key=lambda trial: (trial.p_value, -trial.right))
    return replace(best, p_value=min(1.0, best.p_value * len(trials)))


def try_models(
    item: Evidence, targets: IntArray, folds: Sequence[Split], groups: IntArray, seed: int
) -> list[Trial]:
    """Fit small models on each fold's training rows and answer its test rows; a trial for each.

    Args:
        item: the values; its `rows` are places in `targets`.
        targets: class of each row as a number, (n,).
        folds: splits of the n rows.
        groups: rows of one group count as one observation in the interval and the test, (n,).
        seed: of the models.
    """
    place = np.full(len(targets), -1)
    place[item.rows] = np.arange(len(item.rows))
    y = targets[item.rows]
    parts = [(place[fold.train], place[fold.test]) for fold in folds]
    trials = []
    for make in _models(item, y, seed):
        answers = np.full(len(y), -1)
        for places in parts:
            train, test = (part[part >= 0] for part in places)
            if len(train) and len(test):
                answers[test] = _answer(make, item.columns.values, y, train, test)
        trials.append(_trial(answers == y, y, groups[item.rows]))
    return trials


def _models(item: Evidence, y: IntArray, seed: int) -> list[Callable[[], Any]]:
    """A linear model for many columns of one sort, else a tree as small as can be and a larger one.

    The small tree finds a plain threshold that part of the rows follow, the larger one several.
    """
    if item.kind in LINEAR:
        from headstart.heads.linear import LinearHead

        return [partial(LinearHead, C=PENALTY, random_state=seed)]
    from sklearn.tree import DecisionTreeClassifier

    counts = np.bincount(y)
    counts = counts[counts > 0]
    least = max(2, min(len(y) // 100, int(np.median(counts)) // 3))
    sizes = (max(2, len(counts)), max(16, 4 * len(counts)))
    return [
        partial(
            DecisionTreeClassifier, max_leaf_nodes=size, min_samples_leaf=least, random_state=seed
        )
        for size in sizes
    ]


def _answer(
    make: Callable[[], Any], X: FloatArray, y: IntArray, train: IntArray, test: IntArray
) -> IntArray:
    from headstart.heads.training import many_classes

    if len(np.unique(y[train])) == 1:
        return np.full(len(test), y[train[0]])
    with many_classes():
        model = make().fit(X[train], y[train])
    return np.asarray(model.predict(X[test]), dtype=np.int64)


def _trial(right: BoolArray, y: IntArray, groups: IntArray) -> Trial:
    """Figures in which a group weighs as much as its rows, but counts as one observation."""
    m = len(y)
    _, sizes = np.unique(groups, return_counts=True)
    effective = m * m / float((sizes.astype(np.float64) ** 2).sum())  # m without groups
    n, counted = max(1, round(effective)), max(1, round(effective / DISPERSION))
    largest = int(np.bincount(y).argmax())
    share = float(right.mean())
    is_largest = y == largest
    base = float(is_largest.mean())
    gains = round(float((right & ~is_largest).mean()) * counted)
    losses = round(float((~right & is_largest).mean()) * counted)
    against_share = _tail(round(share * counted), counted, base)
    against_answers = _tail(gains, gains + losses, 0.5)
    p_value = min(1.0, 2 * min(against_share, against_answers))
    interval = wilson(round(share * n), n) or (0.0, 1.0)
    return Trial(m, share, interval, base, p_value)


def _tail(hits: int, n: int, share: float) -> float:
    """Chance of at least `hits` of n when each has this share."""
    from scipy.special import bdtrc

    return 1.0 if hits <= 0 else float(bdtrc(hits - 1, n, share))
