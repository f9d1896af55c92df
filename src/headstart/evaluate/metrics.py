"""The figures of a set of predictions whose truth is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.evaluate.curves import mean_auc_interval, rank_auc
from headstart.evaluate.effective_rows import (
    UNKNOWN,
    Likeness,
    effective_share,
    group_numbers,
    groups_limit,
    likeness,
    rows_in_words,
)
from headstart.evaluate.intervals import (
    Interval,
    effective_wilson,
    influence_interval,
    mean_interval,
    mean_of_shares,
    share_interval,
)
from headstart.evaluate.predictions import LEAST_PROBABILITY, Predictions

LEAST_WRONG = 3  # wrong answers without which a log loss has no interval


@dataclass(frozen=True)
class ClassFigures:
    """One class's figures over the scored rows; an undefined one is None.

    Attributes:
        support: scored rows whose truth is this class.
        predicted: scored rows predicted as this class.
        precision: undefined when nothing was predicted as the class.
        recall: undefined without support.
        f1: 2 right / (support + predicted); undefined when both are 0.
        auc: one against the rest; undefined when all scored rows, or none, are of the class.
    """

    name: str
    support: int
    predicted: int
    precision: float | None
    recall: float | None
    recall_interval: Interval | None
    f1: float | None
    auc: float | None


@dataclass(frozen=True)
class Metrics:
    """Figures of predictions; None means undefined. Intervals are for 95% confidence.

    Every row counts once: rows = n + errors + the sum of `unknown`. Where rows share groups, each
    interval is that of the effective number of rows (`effective_share`, for each figure its own).

    Attributes:
        n: scored rows: they have an answer, and their truth is one of the classes.
        groups: groups of the scored rows; None when no two rows share one.
        effective_n: independent rows that would give the accuracy an interval as wide.
        accuracy_interval: Wilson's.
        balanced_accuracy: mean recall of the classes with support; interval by `mean_of_shares`.
        macro_f1: mean F1 of the classes with support or answers; interval by `influence_interval`.
        log_loss: mean -ln(probability of the truth), no probability taken below 2.2e-16; interval
            by `mean_interval`, None with fewer than three wrong answers (or groups with one): how
            large a loss can be is then unknown.
        majority_share: share of `majority_class`, the largest among the scored rows (the first in
            stored order on a tie): the accuracy of always answering it.
        confusion_matrix: scored rows by truth (rows) and answer (columns), (k, k).
        auc: mean of the defined one-against-rest areas, `auc_classes_defined` of them; interval
            by `mean_auc_interval`.
        unknown: answered rows by a true label that is not one of the classes.
        errors: rows without an answer.
    """

    classes: tuple[str, ...]
    n: int
    groups: int | None
    effective_n: float
    accuracy: float | None
    accuracy_interval: Interval | None
    balanced_accuracy: float | None
    balanced_accuracy_interval: Interval | None
    macro_f1: float | None
    macro_f1_interval: Interval | None
    log_loss: float | None
    log_loss_interval: Interval | None
    majority_share: float | None
    majority_class: str | None
    auc: float | None
    auc_interval: Interval | None
    auc_classes_defined: int
    per_class: tuple[ClassFigures, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    unknown: dict[str, int]
    errors: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values at full precision, None where undefined."""
        # Not by `asdict`, which copies each number of the matrix: seconds for a thousand classes.
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        plain["classes"] = list(self.classes)
        plain["confusion_matrix"] = [list(row) for row in self.confusion_matrix]
        plain["per_class"] = [_lists(asdict(figures)) for figures in self.per_class]
        plain["remarks"] = list(self.remarks())
        return _lists(plain)

    def remarks(self) -> tuple[str, ...]:
        """What a reader must know beside the figures, one sentence each; often nothing."""
        found = []
        if self.errors:
            found.append(f"{_pictures(self.errors)} without an answer: not scored.")
        for label, count in self.unknown.items():
            found.append(f"'{label}' is not a class of the model ({_pictures(count)}): not scored.")
        absent = [figures.name for figures in self.per_class if figures.support == 0]
        if self.n == 0:
            return (*found, "No picture could be scored: every figure is undefined.")
        found += [
            f"Class '{name}' has no scored picture: its recall is undefined." for name in absent
        ]
        k = len(self.classes)
        if self.auc is not None and self.auc_classes_defined < k:
            found.append(f"AUC is the mean over {self.auc_classes_defined} of {k} classes.")
        if groups_limit(self.n, self.effective_n):
            some = rows_in_words(self.n, self.groups, self.effective_n, "picture")
            found.append(f"{some}: those of one group are not independent.")
        if self.accuracy is not None and self.majority_share is not None and len(absent) < k - 1:
            found += _majority_remark(self.accuracy, self.majority_share, self.majority_class)
        return tuple(found)


def measure(predictions: Predictions) -> Metrics:
    """The figures of predictions with known truth; all None, n 0, when no row can be scored.

    Raises ValueError when the truth is unknown.
    """
    rows = predictions.scorable
    truth = predictions.truth_index[rows]
    answer = predictions.predicted_index[rows]
    probabilities = predictions.probabilities[rows]
    groups = group_numbers(predictions.groups[rows]) if predictions.groups is not None else None
    k, n = len(predictions.classes), len(truth)
    confusion = np.bincount(truth * k + answer, minlength=k * k).reshape(k, k)
    right, support = np.diagonal(confusion), confusion.sum(axis=1)
    per_class = _per_class(predictions.classes, confusion, (truth, answer), probabilities, groups)
    areas = [figures.auc for figures in per_class if figures.auc is not None]
    largest = int(support.argmax()) if n else -1
    hits = int(right.sum())
    is_right = truth == answer
    worth = effective_share(is_right - hits / max(1, n), groups)
    return Metrics(
        classes=predictions.classes,
        n=n,
        groups=None if groups is None else int(groups.max()) + 1,
        effective_n=n * worth,
        accuracy=hits / n if n else None,
        accuracy_interval=effective_wilson(hits, n, worth),
        balanced_accuracy=_mean([f.recall for f in per_class if f.recall is not None]),
        balanced_accuracy_interval=_balanced_interval(confusion, truth, is_right, groups),
        macro_f1=_mean([f.f1 for f in per_class if f.f1 is not None]),
        macro_f1_interval=_f1_interval(confusion, truth, answer, groups),
        log_loss=log_loss(probabilities, truth),
        log_loss_interval=_log_loss_interval(probabilities, truth, is_right, groups),
        majority_share=int(support[largest]) / n if n else None,
        majority_class=predictions.classes[largest] if n else None,
        auc=_mean(areas),
        auc_interval=mean_auc_interval(
            [(truth == i, probabilities[:, i]) for i in range(k)] if n else [], groups
        ),
        auc_classes_defined=len(areas),
        per_class=per_class,
        confusion_matrix=tuple(tuple(row) for row in confusion.tolist()),
        unknown=_unknown(predictions),
        errors=int((~predictions.answered).sum()),
    )


def log_loss(probabilities: FloatArray, truth_index: IntArray) -> float | None:
    """Mean -ln(probability of the truth), from (n, k) and (n,); None when n is 0.

    No probability is taken below LEAST_PROBABILITY, so the largest loss of a row is 36.04.
    """
    if len(truth_index) == 0:
        return None
    return float(_losses(probabilities, truth_index).mean()) + 0.0  # -0.0 becomes 0.0


def _losses(probabilities: FloatArray, truth_index: IntArray) -> FloatArray:
    chosen = probabilities[np.arange(len(truth_index)), truth_index].astype(np.float64)
    # Rounding may leave a probability of 1.0000001, whose loss would be negative.
    losses: FloatArray = -np.log(np.clip(chosen, LEAST_PROBABILITY, 1.0))
    return losses


def _log_loss_interval(
    probabilities: FloatArray, truth: IntArray, right: BoolArray, groups: IntArray | None
) -> Interval | None:
    wrong = int((~right).sum()) if groups is None else len(np.unique(groups[~right]))
    if wrong < LEAST_WRONG:
        return None
    return mean_interval(_losses(probabilities, truth), groups)


def _balanced_interval(
    confusion: IntArray, truth: IntArray, is_right: BoolArray, groups: IntArray | None
) -> Interval | None:
    right, support = np.diagonal(confusion), confusion.sum(axis=1)
    recall = right / np.maximum(support, 1)
    worth = effective_share((is_right - recall[truth]) / support[truth], groups)
    if worth == 0 and len(truth):
        return 0.0, 1.0
    return mean_of_shares((right * worth).tolist(), (support * worth).tolist())


def _f1_interval(
    confusion: IntArray, truth: IntArray, answer: IntArray, groups: IntArray | None
) -> Interval | None:
    """`influence_interval` of the macro F1; the model is that all rows err alike.

    The mean of the recalls then has the variance of a share of as many rows as classes squared over
    the sum of 1 / support.
    """
    if len(truth) == 0:
        return None
    support = confusion.sum(axis=1)
    both = support + confusion.sum(axis=0)
    count = int((both > 0).sum())
    size = np.maximum(both, 1)
    f1 = 2 * np.diagonal(confusion) / size
    moved = np.where(truth == answer, 2 / size[truth], 0.0) - (f1 / size)[truth]
    influence = (moved - (f1 / size)[answer]) / count
    present = support[support > 0]
    balanced_rows = len(present) ** 2 / float((1 / present).sum())
    return influence_interval(float(f1.sum()) / count, influence, balanced_rows, groups)


def _per_class(
    classes: tuple[str, ...],
    confusion: IntArray,
    rows: tuple[IntArray, IntArray],
    probabilities: FloatArray,
    groups: IntArray | None,
) -> tuple[ClassFigures, ...]:
    """Figures of each class from truth and answer of the rows, (n,) and (n,)."""
    truth, answer = rows
    figures = []
    recall = np.diagonal(confusion) / np.maximum(confusion.sum(axis=1), 1)
    # A class may have too few wrong answers to show how alike its groups are. Then those of all
    # classes have half a say: a class may be more alike than the others.
    alike = likeness((truth == answer) - recall[truth], groups).correlation
    before = Likeness((alike + UNKNOWN.correlation) / 2, UNKNOWN.telling)
    for i, name in enumerate(classes):
        right = int(confusion[i, i])
        support, predicted = int(confusion[i].sum()), int(confusion[:, i].sum())
        mine = truth == i
        figures.append(
            ClassFigures(
                name=name,
                support=support,
                predicted=predicted,
                precision=right / predicted if predicted else None,
                recall=right / support if support else None,
                recall_interval=share_interval(
                    answer[mine] == i, None if groups is None else groups[mine], before=before
                ),
                f1=2 * right / (support + predicted) if support + predicted else None,
                auc=rank_auc(mine, probabilities[:, i]),
            )
        )
    return tuple(figures)


def _unknown(predictions: Predictions) -> dict[str, int]:
    """Answered rows whose true label is not a class, counted by label, in order of appearance."""
    rows = predictions.answered & (predictions.truth_index < 0)
    truth = predictions.truth or ()
    return dict(Counter(truth[row] for row in np.flatnonzero(rows)))


def _majority_remark(accuracy: float, share: float, name: str | None) -> list[str]:
    if accuracy > share:
        return []
    relation = "equals" if accuracy == share else "is below"
    return [f"Accuracy {relation} always saying '{name}' ({share:.4g})."]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def _lists(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: list(item) if isinstance(item, tuple) else item for key, item in plain.items()}
