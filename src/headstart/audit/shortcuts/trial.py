"""How well one kind of knowledge gives the label: small models, and a rule in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.audit.shortcuts.file_names import Columns
from headstart.audit.shortcuts.measurements import Evidence
from headstart.data.split import Split
from headstart.evaluate.intervals import Interval, wilson

MOST_PARTS = 6
TIMES = ("the file's time", "the time of exposure")  # columns in seconds since 1970


def find_rule(
    columns: Columns, targets: IntArray, classes: Sequence[str], least: float
) -> tuple[str, int]:
    """The simplest rule on one column that gives at least a share `least` of the labels rightly.

    Args:
        columns: values (m, c).
        targets: classes as numbers, (m,).
        classes: their names.
        least: share of right labels below which there is no rule.

    Returns:
        the rule, "" for none, and how many of the m rows it gives rightly.
    """
    from sklearn.tree import DecisionTreeClassifier

    present = len(np.unique(targets))
    if present > MOST_PARTS:
        return "", 0
    for parts in range(present, MOST_PARTS + 1):
        best, best_right = -1, -1
        for column in range(len(columns.names)):
            values = columns.values[:, column : column + 1]
            tree = DecisionTreeClassifier(max_leaf_nodes=max(parts, 2), random_state=0)
            right = int((tree.fit(values, targets).predict(values) == targets).sum())
            if right > best_right:
                best, best_right = column, right
        if best_right >= least * len(targets):
            values = columns.values[:, best]
            tree = DecisionTreeClassifier(max_leaf_nodes=max(parts, 2), random_state=0)
            tree.fit(values[:, None], targets)
            return _words(columns.names[best], values, tree, classes), best_right
    return "", 0


def _words(name: str, values: FloatArray, tree: Any, classes: Sequence[str]) -> str:
    """Such as "the number in the file name is below 990: '1'; from 990: '0'"."""
    inner = tree.tree_.feature >= 0
    limits = sorted(tree.tree_.threshold[inner].tolist())
    starts = [float(values[values > limit].min()) for limit in limits]
    answers = [classes[int(i)] for i in tree.predict(np.array([values.min(), *starts])[:, None])]
    if set(np.unique(values).tolist()) <= {0.0, 1.0}:
        return f"with {name}: '{answers[1]}'; without: '{answers[0]}'"
    kept = [i for i in range(len(answers)) if i == 0 or answers[i] != answers[i - 1]]
    tell = _time if name in TIMES else _number
    texts = []
    for place, i in enumerate(kept):
        last = place + 1 == len(kept)
        end = "" if last else f"below {tell(_end(values, starts[kept[place + 1] - 1]))}"
        start = "" if place == 0 else f"from {tell(starts[i - 1])}"
        texts.append(f"{start}{' and ' if start and end else ''}{end}: '{answers[i]}'")
    return f"{name} {'; '.join(texts)}"


def _end(values: FloatArray, start: float) -> float:
    """Where the part before this start ends: for whole numbers the next after its largest."""
    if (values == np.rint(values)).all():
        return float(values[values < start].max()) + 1
    return start


def _time(value: float) -> str:
    """Seconds since 1970 as a date and a time; a value before that stands for a missing one."""
    return datetime.fromtimestamp(max(0.0, value), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.4g}"


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
    from headstart.heads.head import many_classes

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
