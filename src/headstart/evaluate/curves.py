"""Ranking figures and curves: area under the ROC curve, ROC and precision-recall points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.evaluate.intervals import Interval, influence_interval
from headstart.evaluate.predictions import Predictions


@dataclass(frozen=True, eq=False)
class RocCurve:
    """ROC points from (0, 0) to (1, 1); row i answers "positive" for scores >= threshold[i].

    Attributes:
        false_positive_rate, true_positive_rate, threshold: (m,); the first threshold is inf.
        auc: area under the points by trapezoids.
    """

    false_positive_rate: FloatArray
    true_positive_rate: FloatArray
    threshold: FloatArray
    auc: float


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall of "positive" for scores >= threshold[i], by falling threshold.

    Attributes:
        recall, precision, threshold: (m,).
        average_precision: sum over the points of precision times the step in recall; it does not
            interpolate.
        base_rate: share of positive rows, the precision of answering at random.
    """

    recall: FloatArray
    precision: FloatArray
    threshold: FloatArray
    average_precision: float
    base_rate: float


def rank_auc(positive: BoolArray, score: FloatArray) -> float | None:
    """Chance that a positive row scores above a negative one, ties counted half.

    This is the area under the ROC curve: Hanley and McNeil, Radiology 143 (1982). Takes (n,) and
    (n,); None when all rows are positive or none is.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        return None
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    # Twice the middle rank of each distinct score: whole numbers, so the sum is exact.
    twice_rank = 2 * np.cumsum(count) - count + 1
    twice_sum = int(twice_rank[place][positive].sum())
    return (twice_sum - positives * (positives + 1)) / (2 * positives * negatives)


def mean_auc_interval(
    parts: Sequence[tuple[BoolArray, FloatArray]], groups: IntArray | None = None
) -> Interval | None:
    """95% interval for the mean of areas over the same n rows; None when none is defined.

    `influence_interval` of the rows' structural components: DeLong, DeLong and Clarke-Pearson,
    Comparing the areas under two or more correlated ROC curves, Biometrics 44 (1988), with groups
    as Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997). The
    model is Hanley and McNeil's variance with the mean class size in its exponential terms, after
    Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic,
    part 2, Statistics in Medicine 25 (2006).

    Args:
        parts: positive rows and scores of each area, (n,) and (n,).
        groups: each row's group, (n,), or None.
    """
    areas, shares, alone, together = [], [], 0.0, np.zeros(0)
    for positive, score in parts:
        area = rank_auc(positive, score)
        if area is not None:
            areas.append(area)
            shares.append(_variance_share(area, int(positive.sum()), len(positive)))
            moved = _components(positive, score, area)
            alone += math.sqrt(float((moved**2).sum()))
            together = moved if len(areas) == 1 else together + moved  # (n,)
    if not areas:
        return None
    count = len(areas)
    mean, influence = sum(areas) / count, together / count
    if alone == 0 or not 0 < mean < 1:
        return influence_interval(mean, influence, 1 / max(shares), groups)
    spread = sum(math.sqrt(a * (1 - a) * s) for a, s in zip(areas, shares, strict=True))
    agreement = float((together**2).sum()) / alone**2  # below 1: the areas go their own ways
    modelled = (spread / count) ** 2 * agreement
    return influence_interval(mean, influence, mean * (1 - mean) / modelled, groups)


def _variance_share(area: float, positives: int, n: int) -> float:
    """The area's variance over area (1 - area): one over the rows that it is worth."""
    middle = n / 2 - 1
    terms = middle * ((1 - area) / (2 - area) + area / (1 + area))
    return (1 + terms) / (positives * (n - positives))


def _components(positive: BoolArray, score: FloatArray, area: float) -> FloatArray:
    """How much each row moves the area, (n,); they sum to 0 over either side."""
    _, place = np.unique(score, return_inverse=True)
    hits = np.bincount(place[positive], minlength=place.max() + 1)
    alarms = np.bincount(place[~positive], minlength=len(hits))
    below = (np.cumsum(alarms) - alarms / 2) / alarms.sum()  # of a positive: negatives below it
    above = 1 - (np.cumsum(hits) - hits / 2) / hits.sum()  # of a negative: positives above it
    moved = np.where(
        positive, (below[place] - area) / hits.sum(), (above[place] - area) / alarms.sum()
    )
    return np.asarray(moved, dtype=np.float64)


def roc_curve(positive: BoolArray, score: FloatArray) -> RocCurve | None:
    """ROC points at every distinct score, (n,) and (n,) in; None when `rank_auc` is None."""
    hits, alarms, threshold = _counts(positive, score)
    if hits.size == 0 or hits[-1] == 0 or alarms[-1] == 0:
        return None
    true_rate = np.concatenate([[0.0], hits / hits[-1]])
    false_rate = np.concatenate([[0.0], alarms / alarms[-1]])
    area = float((np.diff(false_rate) * (true_rate[1:] + true_rate[:-1])).sum() / 2)
    return RocCurve(false_rate, true_rate, np.concatenate([[np.inf], threshold]), area)


def precision_recall_curve(positive: BoolArray, score: FloatArray) -> PrecisionRecallCurve | None:
    """Precision-recall points at every distinct score; None when no row is positive."""
    hits, alarms, threshold = _counts(positive, score)
    if hits.size == 0 or hits[-1] == 0:
        return None
    recall = hits / hits[-1]
    precision = hits / (hits + alarms)
    average = float((np.diff(recall, prepend=0.0) * precision).sum())
    return PrecisionRecallCurve(recall, precision, threshold, average, float(positive.mean()))


def class_curves(
    predictions: Predictions, positive: str
) -> tuple[RocCurve | None, PrecisionRecallCurve | None]:
    """Both curves for one class against the rest, over the scorable rows.

    Raises ValueError when `positive` is not a class or the truth is unknown.
    """
    if positive not in predictions.classes:
        raise ValueError(f"{positive!r} is not one of the classes {list(predictions.classes)}")
    column = predictions.classes.index(positive)
    rows = predictions.scorable
    truth = predictions.truth_index[rows] == column
    score = predictions.probabilities[rows, column]
    return roc_curve(truth, score), precision_recall_curve(truth, score)


def _counts(positive: BoolArray, score: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Positive and negative rows at or above each distinct score, falling, three times (m,)."""
    threshold, place = np.unique(score, return_inverse=True)
    hits = np.bincount(place[positive], minlength=len(threshold))[::-1].cumsum()
    alarms = np.bincount(place[~positive], minlength=len(threshold))[::-1].cumsum()
    return hits.astype(np.int64), alarms.astype(np.int64), threshold[::-1]
