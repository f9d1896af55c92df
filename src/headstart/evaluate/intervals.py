"""How far a figure can be trusted: intervals for shares, means and macro figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.evaluate.effective_rows import (
    UNKNOWN,
    Likeness,
    effective_share,
    group_numbers,
    sum_by_group,
)

Interval = tuple[float, float]

NOTHING = 1e-6  # effective rows: fewer say nothing
MODEL_ROWS = 2  # rows that what a model says of a figure's variance weighs as much as


def normal_quantile(probability: float) -> float:
    """The standard normal value with `probability` below it: 1.96 for 0.975."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)


def wilson(successes: float, n: float, confidence: float = 0.95) -> Interval | None:
    """Score interval for the share successes / n; None when n is 0.

    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    It stays inside [0, 1] and is not empty for a perfect score. Of n rows that are worth fewer,
    both numbers may be effective ones, which are not whole. Raises ValueError for counts or a
    confidence out of range.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: expected 0 <= successes <= n")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, expected a number between 0 and 1")
    if n == 0:
        return None
    z = normal_quantile((1 + confidence) / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # The ends are exact in theory; rounding would leave 1e-17 or 0.9999999999999999.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def share_interval(
    right: BoolArray, groups: IntArray | None = None, *, before: Likeness = UNKNOWN
) -> Interval | None:
    """Wilson's 95% interval for the share of right rows (n,), on their effective number.

    Rows of one group (n,) count as `effective_share` says, given what is known `before` of how
    alike they are; None without rows.
    """
    n, hits = len(right), int(right.sum())
    if n == 0:
        return None
    worth = effective_share(right.astype(np.float64) - hits / n, groups, before=before)
    return effective_wilson(hits, n, worth)


def effective_wilson(
    hits: float, n: float, worth: float, confidence: float = 0.95
) -> Interval | None:
    """Wilson's interval when each of n rows is worth a share of one; None when n is 0."""
    if n and n * worth < NOTHING:
        return 0.0, 1.0  # a single group, or nearly: nothing is known of another
    return wilson(hits * worth, n * worth, confidence)


def mean_of_shares(
    successes: Sequence[float], totals: Sequence[float], confidence: float = 0.95
) -> Interval | None:
    """Interval for the unweighted mean of independent shares; those with total 0 do not count.

    The shares' Wilson intervals combined by the method of variance estimates recovery: Zou and
    Donner, Construction of confidence intervals about effect measures, Statistics in Medicine 27
    (2008). For one share it is that share's Wilson interval. None when every total is 0.
    """
    below = above = mean = 0.0
    count = 0
    for hits, total in zip(successes, totals, strict=True):
        ends = wilson(hits, total, confidence)
        if ends is None:
            continue
        share = hits / total
        count += 1
        mean += share
        below += (share - ends[0]) ** 2
        above += (ends[1] - share) ** 2
    if count == 0:
        return None
    mean /= count
    return max(0.0, mean - math.sqrt(below) / count), min(1.0, mean + math.sqrt(above) / count)


def influence_interval(
    figure: float, influence: FloatArray, model_rows: float, groups: IntArray | None = None
) -> Interval:
    """95% interval for a figure between 0 and 1 that is a smooth function of shares.

    Wilson's interval on the number of rows that gives a share the figure's variance. That is the
    sum of the squared influences: the infinitesimal jackknife, Efron and Tibshirani, An
    Introduction to the Bootstrap (1993), chapter 21. Where few rows move the figure it says little,
    and nothing for a perfect one; so it is mixed with what a model says, which weighs as much as
    two rows that move it.

    Args:
        figure: from 0 to 1.
        influence: how much each row moves the figure by being there; they sum to 0, (n,).
        model_rows: rows of which a share would have the variance that a model says.
        groups: each row's group, (n,), or None.
    """
    squares = influence**2
    measured, spread = float(squares.sum()), figure * (1 - figure)
    rows = model_rows
    if measured > 0 and spread > 0:
        moving = measured**2 / float((squares**2).sum())
        share = (moving * measured / spread + MODEL_ROWS / model_rows) / (moving + MODEL_ROWS)
        rows = 1 / share
    return effective_wilson(figure * rows, rows, effective_share(influence, groups)) or (0.0, 1.0)


def corrected_standard_error(
    values: Sequence[float], n_train: float, n_test: float
) -> float | None:
    """Standard error of the mean over folds (f,), whose training rows overlap; None for one value.

    The square root of s^2 (1 / f + n_test / n_train), s^2 with f - 1 below it, and with the rows
    of one fold's training and test part: Nadeau and Bengio, Inference for the generalization
    error, Machine Learning 52 (2003). For ten folds that test every row once it is 1.45 times the
    error of independent values. Raises ValueError without values or rows.
    """
    folds = len(values)
    if folds == 0 or n_train < 1 or n_test < 1:
        raise ValueError(f"{folds} folds of {n_train} and {n_test} rows: expected at least 1 each")
    if folds == 1:
        return None
    mean = math.fsum(values) / folds
    squares = math.fsum((value - mean) ** 2 for value in values)
    return math.sqrt(squares / (folds - 1) * (1 / folds + n_test / n_train))


def mean_interval(
    values: FloatArray, groups: IntArray | None = None, *, confidence: float = 0.95
) -> Interval | None:
    """Interval for the mean of skewed values such as losses (n,); None when it is not defined.

    Student's interval on the cubic transformation that takes the skewness away: Hall, On the
    removal of skewness by transformation, Journal of the Royal Statistical Society B 54 (1992).
    With groups (n,) their sums are the units, and the error is that of the effective rows. None
    for values that do not vary, for fewer than two, and for a single group.
    """
    n = len(values)
    if n < 2:
        return None
    mean = float(values.mean())
    gaps = values - mean
    worth = effective_share(gaps, groups, confidence=confidence)
    squares = float((gaps**2).sum())
    if squares <= 0 or worth <= 0:
        return None
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    numbers = group_numbers(groups)
    units = gaps if numbers is None else sum_by_group(gaps, numbers)
    skewness = float((units**3).sum() / max((units**2).sum(), squares) ** 1.5)  # of the mean
    error = math.sqrt(squares / (n * (n - 1) * worth))
    # The groups' degrees of freedom are in `worth`; without groups they are n - 1.
    end = float(stdtrit(n - 1, (1 + confidence) / 2))
    ends = [mean - error * _unskewed(side, skewness) for side in (end, -end)]
    return ends[0], ends[1]


def _unskewed(value: float, skewness: float) -> float:
    """The studentised mean that Hall's transformation takes to `value`."""
    if abs(skewness) < 1e-8:
        return value
    return 3 / skewness * (math.cbrt(1 + skewness * (value - skewness / 6)) - 1)
