"""How well one kind of knowledge gives the label, on rows that the model has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray, IntArray
from headstart.audit.shortcut_inputs import Evidence
from headstart.data.split import Split
from headstart.evaluate.intervals import Interval, wilson

LINEAR = ("border", "thumbnail")  # many columns of one sort; the others are for a tree
PENALTY = 0.01  # C of the linear model
# Folds share training rows, so their answers go together: with shuffled labels the variance of the
# accuracy is up to 1.7 times that of independent answers (docs/shortcuts.md). The test takes twice.
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
    """Fit a small model on each fold's training rows and answer its test rows.

    Args:
        item: the values; its `rows` are places in `targets`.
        targets: class of each row as a number, (n,).
        folds: splits of the n rows.
        groups: rows of one group count as one observation in the interval and the test, (n,).
        seed: of the model.
    """
    place = np.full(len(targets), -1)
    place[item.rows] = np.arange(len(item.rows))
    y = targets[item.rows]
    answers = np.full(len(y), -1)
    for fold in folds:
        train, test = (part[part >= 0] for part in (place[fold.train], place[fold.test]))
        if len(train) and len(test):
            answers[test] = _answer(item, train, test, y[train], seed)
    return _trial(answers == y, y, groups[item.rows])


def _answer(item: Evidence, train: IntArray, test: IntArray, y: IntArray, seed: int) -> IntArray:
    X = item.columns.values
    if len(np.unique(y)) == 1:
        return np.full(len(test), y[0])
    if item.kind in LINEAR:
        from headstart.heads.linear import LinearHead

        head = LinearHead(C=PENALTY, random_state=seed).fit(X[train], y)
        return np.asarray(head.predict(X[test]), dtype=np.int64)
    from sklearn.tree import DecisionTreeClassifier

    counts = np.bincount(y)
    least = min(len(y) // 100, int(np.median(counts[counts > 0])) // 3)
    tree = DecisionTreeClassifier(
        max_leaf_nodes=max(16, 4 * len(counts)),
        min_samples_leaf=max(2, least),
        random_state=seed,
    )
    return np.asarray(tree.fit(X[train], y).predict(X[test]), dtype=np.int64)


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
