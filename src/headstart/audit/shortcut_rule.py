"""The rule by which one number gives the label, in words, when there is such a rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.audit.shortcut_names import Columns

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
